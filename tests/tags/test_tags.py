"""Tags: on links, as a list, renamed, merged, deleted."""

import asyncio

import pytest
from dirty_equals import IsPartialDict, IsStr
from hypothesis import given
from hypothesis import strategies as st

from shortener.stores.database import Database
from shortener.stores.parts import DATABASE
from shortener.tags import assignment
from shortener.tags.names import normalized
from tests.conftest import create_link, job_context
from tests.links.test_api import LINKS, assert_problem
from workers import tags as jobs

TAGS = "/api/v1/tags"
URL = "https://example.com/"


@pytest.fixture
def worked(database: Database, settings):
    """Runs the worker's jobs of tags; returns how many links they wrote again."""
    ctx = job_context(settings, {DATABASE: database})

    async def run() -> int:
        written = await jobs.tidy_tags(ctx)
        await jobs.count_clicks_of_tags(ctx)
        return written

    return run


async def tags_of(client, code: str) -> list[str]:
    return (await client.get(f"{LINKS}/{code}")).json()["tags"]


async def counts(client, **query) -> dict[str, int]:
    return {tag["name"]: tag["links"] for tag in (await client.get(TAGS, params=query)).json()["items"]}


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  Spring Sale ", "spring-sale"),
        ("spring \t sale", "spring-sale"),
        ("春节", "春节"),
        ("ÜBER", "über"),
        ("U\u0308ber", "über"),
        ("a\u200d", "a"),
        ("👩\u200d👧", "👩\u200d👧"),
    ],
)
async def test_tags_are_stored_in_one_form(client, typed, stored):
    link = await create_link(client, URL, tags=[typed])
    assert link["tags"] == [stored]


@given(st.text(max_size=60))
def test_a_stored_tag_is_stored_as_it_is(text):
    try:
        name = normalized(text)
    except ValueError:
        return
    assert normalized(name) == name


@pytest.mark.parametrize("tag", ["", " ", "a/b", ".", "..", "x" * 51, "a\x00b", "\u202eevil", 1, None])
async def test_what_cannot_be_a_tag_is_refused_with_a_pointer_to_it(client, tag):
    await create_link(client, URL, code="abc")
    for answer in (
        await client.post(LINKS, json={"url": URL, "tags": ["good", tag]}),
        await client.patch(f"{LINKS}/abc", json={"tags": ["good", tag]}),
    ):
        assert_problem(answer, 422, "invalid-request")
        assert answer.json()["errors"] == [IsPartialDict(field="/tags/1", message=IsStr(min_length=3))]
    too_many = [str(n) for n in range(21)]
    assert (await client.post(LINKS, json={"url": URL, "tags": too_many[:20]})).status_code == 201
    assert_problem(await client.post(LINKS, json={"url": URL, "tags": too_many}), 422, "invalid-request")


async def test_the_list_of_tags_says_how_many_links_each_has_at_every_moment(client, worked):
    await create_link(client, URL, code="one", tags=["Red", "blue", "red"])
    bulk = {"links": [{"url": URL, "code": f"b{n}{n}", "tags": ["red"]} for n in range(3)] + [{"url": URL}]}
    await client.post(f"{LINKS}/bulk", json=bulk)
    assert await counts(client) == {"blue": 1, "red": 4}
    await worked()
    assert await counts(client) == {"blue": 1, "red": 4}
    await client.patch(f"{LINKS}/b00", json={"tags": ["blue"]})
    await client.delete(f"{LINKS}/b11")
    assert await counts(client) == {"blue": 2, "red": 2}
    await client.post(f"{LINKS}/b11/restore")
    await client.put(f"{LINKS}/one", json={"url": URL})
    assert await counts(client) == {"blue": 1, "red": 2}
    await worked()
    assert await counts(client) == {"blue": 1, "red": 2}
    await client.patch(f"{LINKS}/b00", json={"tags": []})
    # Unused, it stays.
    assert await counts(client) == {"blue": 0, "red": 2}
    assert await tags_of(client, "b00") == []


async def test_tags_are_sorted_searched_and_paged(client):
    for n, tags in enumerate((["a", "b", "übung"], ["b", "übung"], ["b"])):
        await create_link(client, URL, code=f"l{n}l", tags=tags)
    assert list(await counts(client)) == ["a", "b", "übung"]
    assert list(await counts(client, sort="links", order="desc")) == ["b", "übung", "a"]
    assert list(await counts(client, q="ÜB")) == ["übung"]
    assert list(await counts(client, q="%")) == []
    first = (await client.get(TAGS, params={"limit": 2, "sort": "links"})).json()
    assert (first["total"], len(first["items"])) == (3, 2)
    second = (await client.get(first["next"])).json()
    assert [tag["name"] for tag in first["items"] + second["items"]] == ["a", "übung", "b"]


async def test_a_tag_is_renamed_and_described_and_its_links_follow_at_once(client):
    await create_link(client, URL, code="abc", tags=["red"])
    change = {"name": "Dark Red", "color": "#8b0000", "description": "  of  the spring "}
    answer = await client.patch(f"{TAGS}/red", json=change)
    assert answer.json() == IsPartialDict(
        name="dark-red", color="#8b0000", description="of the spring", links=1, clicks=0
    )
    assert await tags_of(client, "abc") == ["dark-red"]
    assert (await client.patch(f"{TAGS}/DARK-RED", json={"color": None})).json()["color"] is None
    await create_link(client, URL, tags=["blue"])
    assert_problem(await client.patch(f"{TAGS}/blue", json={"name": "dark-red"}), 409, "tag-exists")
    assert_problem(await client.patch(f"{TAGS}/red", json={"name": "x"}), 404, "tag-not-found")
    for wrong in ({"color": "red"}, {"name": None}, {"name": ""}, {"colour": "#000000"}):
        assert_problem(await client.patch(f"{TAGS}/blue", json=wrong), 422, "invalid-request")


async def test_merging_gives_all_links_to_the_other_tag_at_once(client, worked, monkeypatch):
    monkeypatch.setattr(jobs, "LINKS_AT_ONCE", 2)
    bulk = {"links": [{"url": URL, "code": f"red{n}", "tags": ["red"]} for n in range(5)]}
    await client.post(f"{LINKS}/bulk", json=bulk)
    await create_link(client, URL, code="both", tags=["red", "blue"])
    await client.delete(f"{LINKS}/red0")
    await client.post(f"{TAGS}/red/merge", json={"into": "blue"})
    assert await tags_of(client, "red1") == await tags_of(client, "both") == ["blue"]
    assert "red" not in await counts(client)
    await create_link(client, URL, code="newer", tags=["red"])
    assert await worked() == 6
    assert await counts(client) == {"blue": 5, "red": 1}
    assert (await client.post(f"{LINKS}/red0/restore")).json()["tags"] == ["blue"]
    assert await counts(client) == {"blue": 6, "red": 1}
    assert await worked() == 0
    assert_problem(await client.post(f"{TAGS}/red/merge", json={"into": "RED"}), 422, "invalid-request")
    assert_problem(await client.post(f"{TAGS}/red/merge", json={"into": "green"}), 404, "tag-not-found")


async def test_chains_of_merged_tags_end_at_the_last(client, worked):
    await create_link(client, URL, code="abc", tags=["a"])
    await create_link(client, URL, tags=["b", "c"])
    await client.post(f"{TAGS}/a/merge", json={"into": "b"})
    await client.post(f"{TAGS}/b/merge", json={"into": "c"})
    assert await tags_of(client, "abc") == ["c"]
    await worked()
    assert await tags_of(client, "abc") == ["c"]
    assert await counts(client) == {"c": 2}


async def test_a_deleted_tag_leaves_its_links_which_stay(client, worked, database):
    await create_link(client, URL, code="abc", tags=["red", "blue"])
    assert (await client.delete(f"{TAGS}/red")).status_code == 204
    assert await tags_of(client, "abc") == ["blue"]
    assert await worked() == 1
    assert await tags_of(client, "abc") == ["blue"]
    assert await counts(client) == {"blue": 1}
    assert_problem(await client.delete(f"{TAGS}/red"), 404, "tag-not-found")


async def test_the_clicks_of_a_tag_are_those_of_its_links(client, worked, drain):
    await create_link(client, URL, code="abc", tags=["red", "blue"])
    await create_link(client, URL, code="def", tags=["red"])
    for code in ("abc", "def", "def"):
        await client.get(f"/{code}")
    await drain()
    await worked()
    clicks = {tag["name"]: tag["clicks"] for tag in (await client.get(TAGS)).json()["items"]}
    assert clicks == {"blue": 1, "red": 3}
    # A tag that a link gets later brings the link's past clicks with it.
    await client.patch(f"{LINKS}/abc", json={"tags": ["green"]})
    await worked()
    clicks = {tag["name"]: tag["clicks"] for tag in (await client.get(TAGS)).json()["items"]}
    assert clicks == {"blue": 0, "green": 1, "red": 2}


async def test_a_workspace_has_a_bounded_number_of_tags(client, monkeypatch):
    monkeypatch.setattr(assignment, "MAX_TAGS", 3)
    await create_link(client, URL, tags=["a", "b", "c"])
    await create_link(client, URL, tags=["a", "c"])
    assert_problem(await client.post(LINKS, json={"url": URL, "tags": ["d"]}), 422, "too-many-tags")
    assert list(await counts(client)) == ["a", "b", "c"]


async def test_a_refused_link_leaves_no_tags_behind(client):
    await create_link(client, URL, code="abc")
    assert_problem(await client.post(LINKS, json={"url": URL, "code": "abc", "tags": ["a"]}), 409, "code-taken")
    assert await counts(client) == {}


async def test_many_requests_with_the_same_new_tags_at_once_make_each_tag_once(client):
    bodies = [[f"t{n}" for n in range(5)], [f"t{n}" for n in reversed(range(5))]] * 10
    answers = await asyncio.gather(*(client.post(LINKS, json={"url": URL, "tags": tags}) for tags in bodies))
    assert {answer.status_code for answer in answers} == {201}
    assert await counts(client) == {f"t{n}": 20 for n in range(5)}
