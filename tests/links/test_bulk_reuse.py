"""With `reuse`, items of a bulk request get links that are there, and equal ones get one link."""

import asyncio

import pytest

from tests.conftest import changed, client_of, create_link, running_app
from tests.links.test_api import LINKS, URL, count_links
from tests.links.test_bulk import BULK, create_links, statuses
from tests.links.test_reuse import DESCRIBING, OTHERS, SAME

OTHER = "https://example.com/other"


def codes(answer: dict) -> list[str]:
    return [result["link"]["code"] for result in answer["results"]]


async def test_a_link_that_is_there_is_given_with_all_that_it_has(client):
    there = await create_link(client, url=URL, code="there", title="T", tags=["one"], note="N")
    answer = await create_links(client, SAME, {"url": URL}, {"url": OTHER, "reuse": True})
    assert statuses(answer) == [200, 201, 201]
    assert answer["results"][0]["link"] == there
    assert (answer["created"], answer["reused"], answer["failed"]) == (2, 1, 0)


async def test_equal_items_of_a_request_get_one_link(client, database):
    answer = await create_links(client, SAME, SAME, {"url": OTHER}, SAME, {"url": OTHER, "reuse": True})
    assert statuses(answer) == [201, 200, 201, 200, 200]
    first, second, other, third, last = codes(answer)
    assert (first, other) == (second, last) == (third, last)
    assert answer["results"][1]["link"] == (await client.get(f"{LINKS}/{first}")).json()
    assert await count_links(database) == 2


@pytest.mark.parametrize("members", [*OTHERS, *DESCRIBING], ids=lambda members: next(iter(members)))
async def test_items_are_equal_where_single_requests_would_be(client, members):
    """An item that names no title, for example, gets the link of an item that does."""
    items = [{**SAME, **members}, SAME, {**SAME, **members}, SAME]
    single = [(await client.post(LINKS, json=item)).json() for item in items]
    for link in {link["code"] for link in single}:
        await client.delete(f"{LINKS}/{link}")
    many = codes(await create_links(client, *items))
    assert [many.index(code) for code in many] == [
        [link["code"] for link in single].index(link["code"]) for link in single
    ]


async def test_two_requests_at_once_make_one_link_for_each_url(client, database):
    items = [{"url": f"https://example.com/{n}", "reuse": True} for n in range(20)]
    single = [client.post(LINKS, json=item) for item in items]
    answers = await asyncio.gather(
        create_links(client, *items), create_links(client, *reversed(items)), create_links(client, *items), *single
    )
    assert await count_links(database) == 20
    assert codes(answers[0]) == codes(answers[1])[::-1] == codes(answers[2])
    assert codes(answers[0]) == [answer.json()["code"] for answer in answers[3:]]


async def test_where_the_first_of_equal_items_is_refused_the_next_one_is_made(client, database):
    await create_link(client, code="taken", url=OTHER)
    chosen = {"url": URL, "code": "taken"}
    answer = await create_links(client, chosen, SAME, SAME, {**chosen, "reuse": True})
    assert statuses(answer) == [409, 201, 200, 409]
    assert answer["results"][1]["link"] == answer["results"][2]["link"]
    assert (answer["created"], answer["reused"], answer["failed"]) == (1, 1, 2)
    assert await count_links(database) == 2


async def test_a_dry_run_says_what_would_be_given_and_makes_nothing(client, database):
    await create_link(client, url=URL, code="there")
    items = [SAME, {"url": OTHER, "reuse": True}, {"url": OTHER, "reuse": True}]
    answer = (await client.post(BULK, json={"links": items, "dry_run": True})).json()
    assert (statuses(answer), codes(answer)) == ([200, 201, 200], ["there", None, None])
    assert await count_links(database) == 1


async def test_a_repeated_request_gives_the_same_answer(client, database):
    headers = {"Idempotency-Key": "key"}
    first = await create_links(client, SAME, SAME, **headers)
    assert first == await create_links(client, SAME, SAME, **headers)
    assert await count_links(database) == 1


async def test_who_may_not_see_links_without_an_owner_is_given_none(settings, client, database):
    await create_link(client, url=URL)
    async with running_app(changed(settings, anonymous_manage=False)) as app, client_of(app) as stranger:
        assert statuses(await create_links(stranger, SAME, SAME)) == [201, 201]
    assert await count_links(database) == 3
