"""Changing and deleting many links with one request."""

import asyncio

from dirty_equals import IsPartialDict

from tests.clicks.make import rows_of
from tests.conftest import create_link
from tests.links.test_api import LINKS, assert_problem

BULK = f"{LINKS}/bulk"
URL = "https://example.com/"


async def three(client, **options) -> None:
    for code in ("one", "two", "three"):
        await create_link(client, URL + code, code=code, **options)


async def delete(client, **body):
    return await client.request("DELETE", BULK, json=body)


async def test_many_links_are_changed_with_a_result_for_each(client):
    await three(client, tags=["red"])
    await client.get("/one")
    body = {"codes": ["two", "one", "none"], "set": {"url": "https://other.example/", "archived": True}}
    answer = await client.patch(BULK, json=body | {"add_tags": ["Dark Blue"], "remove_tags": ["red"]})
    assert answer.json() == {
        "results": [
            {"code": "none", "status": 404, "changed": [], "problem": IsPartialDict(status=404)},
            {"code": "one", "status": 200, "changed": ["archived", "tags", "url"]},
            {"code": "two", "status": 200, "changed": ["archived", "tags", "url"]},
        ],
        "done": 2,
        "failed": 1,
        "more": False,
    }
    for code in ("one", "two"):
        link = (await client.get(f"{LINKS}/{code}")).json()
        assert (link["url"], link["archived"], link["tags"]) == ("https://other.example/", True, ["dark-blue"])
        # Caches forget the links at once.
        assert (await client.get(f"/{code}")).headers["location"] == "https://other.example/"
    assert (await client.get(f"{LINKS}/three")).json()["tags"] == ["red"]
    again = (await client.patch(BULK, json=body)).json()["results"]
    assert [result["changed"] for result in again] == [[], [], []]


async def test_links_are_chosen_by_the_filters_of_lists(client):
    await three(client, tags=["red"])
    await create_link(client, code="four")
    changed = (await client.patch(BULK, json={"filter": {"tag": ["red"], "q": "t"}, "set": {"note": "n"}})).json()
    assert [result["code"] for result in changed["results"]] == ["one", "three", "two"]
    assert (await delete(client, filter={"has": ["note"]})).json()["done"] == 3
    assert [item["code"] for item in (await client.get(LINKS)).json()["items"]] == ["four"]
    assert (await client.get("/one")).status_code == 410
    assert (await client.post(f"{LINKS}/one/restore")).status_code == 200


async def test_a_filter_that_holds_for_more_links_than_are_changed_says_so(client):
    for _ in range(2):
        await client.post(BULK, json={"links": [{"url": URL}] * 501})
    first = (await delete(client, filter={})).json()
    assert (first["done"], first["more"]) == (1000, True)
    second = (await delete(client, filter={})).json()
    assert (second["done"], second["more"]) == (2, False)


async def test_a_dry_run_answers_the_same_and_does_nothing(client):
    await three(client)
    body = {"codes": ["one", "none"], "set": {"title": "T"}, "add_tags": ["new"]}
    tried = (await client.patch(BULK, json=body | {"dry_run": True})).json()
    link = (await client.get(f"{LINKS}/one")).json()
    assert (link["title"], link["tags"]) == (None, [])
    assert (await client.get("/api/v1/tags")).json()["items"] == []
    assert tried == (await client.patch(BULK, json=body)).json()
    assert (await delete(client, codes=["one"], dry_run=True)).json()["done"] == 1
    assert (await client.get(f"{LINKS}/one")).status_code == 200


async def test_what_is_wrong_with_one_link_keeps_none_of_the_others_from_being_changed(client):
    await create_link(client, code="early", expires_at="2098-01-01T00:00:00Z")
    await create_link(client, code="full", tags=[str(n) for n in range(20)])
    await create_link(client, code="good")
    body = {"codes": ["early", "full", "good"], "set": {"starts_at": "2099-01-01T00:00:00Z"}, "add_tags": ["more"]}
    results = (await client.patch(BULK, json=body)).json()["results"]
    assert [result["status"] for result in results] == [422, 422, 200]
    assert results[0]["problem"]["errors"] == [IsPartialDict(field="/set/starts_at")]
    assert results[1]["problem"]["errors"] == [IsPartialDict(field="/add_tags")]
    assert (await client.get(f"{LINKS}/early")).json()["tags"] == []


async def test_a_repeated_request_with_its_key_is_done_once(client):
    await three(client)
    key = {"Idempotency-Key": "k1"}
    body = {"codes": ["one"], "set": {"title": "T"}}
    answers = await asyncio.gather(*(client.patch(BULK, json=body, headers=key) for _ in range(5)))
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].json()["results"][0]["changed"] == ["title"]
    other = await client.patch(BULK, json=body | {"codes": ["two"]}, headers=key)
    assert_problem(other, 422, "idempotency-key-reused")


async def test_requests_that_are_unclear_are_refused(client):
    await three(client)
    for body in (
        {},
        {"codes": ["one"], "filter": {}},
        {"codes": []},
        {"codes": ["x"] * 1001},
        {"filter": {"tags": ["red"]}},
        {"codes": ["one"], "set": {"code": "other"}},
        {"codes": ["one"], "set": {"password": "x"}},
        {"codes": ["one"], "set": {"url": None}},
    ):
        assert_problem(await client.patch(BULK, json=body), 422, "invalid-request")
    assert_problem(await delete(client), 422, "invalid-request")


async def test_a_link_that_is_named_by_two_of_its_codes_is_deleted_once(client, database):
    link = await create_link(client, code="one")
    await client.post(f"{LINKS}/one/aliases", json={"code": "uno"})
    answer = (await delete(client, codes=["one", "uno", link["id"]])).json()
    assert sorted(result["changed"] for result in answer["results"]) == [[], [], ["deleted"]]
    assert await rows_of(database, "SELECT count(*) FROM audit_log WHERE action = 'link.deleted'") == [(1,)]
