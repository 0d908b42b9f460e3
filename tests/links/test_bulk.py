"""The API's promises about many links that are created with one request."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest
from dirty_equals import IsPartialDict

from shortener.http.body_limit import MAX_BODY_BYTES
from shortener.links import codes
from shortener.links.many_api import MAX_BULK_BODY_BYTES
from tests.conftest import changed, client_of, create_link, eventually, running_app
from tests.links.plain import new_plain_link
from tests.links.test_api import FORBIDDEN, LINKS, URL, assert_problem, count_links, in_a_day, problem
from tests.links.test_bad_input import BODIES

BULK = f"{LINKS}/bulk"
JSON = {"Content-Type": "application/json"}


async def create_links(client, *links: dict, **headers: str) -> dict:
    answer = await client.post(BULK, json={"links": links}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    return answer.json()


def statuses(answer: dict) -> list[int]:
    return [result["status"] for result in answer["results"]]


async def test_each_link_is_given_in_order_as_a_single_read_gives_it(client):
    asked = [
        {"url": URL, "title": "  Sale  "},
        {"url": "https://münchen.example/ä", "code": "Spring_Sale-26"},
        {"url": "https://example.com", "expires_at": "2099-06-01T12:00:00+02:00", "title": ""},
        *({"url": f"https://example.com/{n}"} for n in range(50)),
    ]
    answer = await create_links(client, *asked)
    assert (answer["created"], answer["failed"]) == (53, 0)
    assert set(statuses(answer)) == {201}
    links = [result["link"] for result in answer["results"]]
    assert links[0] == new_plain_link(links[0], URL, "Sale")
    assert links[1] == IsPartialDict(code="Spring_Sale-26", url="https://xn--mnchen-3ya.example/%C3%A4")
    assert [link["url"] for link in links[3:]] == [f"https://example.com/{n}" for n in range(50)]
    for link in links:
        assert (await client.get(f"{LINKS}/{link['code']}")).json() == link
        assert (await client.get(f"/{link['code']}+")).json()["url"] == link["url"]


async def test_what_is_wrong_with_one_is_told_as_for_a_single_create_and_spoils_no_other(client, database):
    await create_link(client, code="taken")
    wrong = [
        {"url": URL, "code": "taken"},
        {"url": URL, "code": "API"},
        {"url": URL, "expires_at": "2020-01-01T00:00:00Z"},
        {"url": URL, "expire_at": in_a_day()},
        {"code": "no-url"},
        {"url": 1, "title": "x" * 301},
        *({"url": url} for url in FORBIDDEN),
    ]
    right = {"url": URL, "title": "right"}
    answer = await create_links(client, *(item for bad in wrong for item in (bad, right)))
    assert statuses(answer)[1::2] == [201] * len(wrong)
    assert (answer["created"], answer["failed"]) == (len(wrong), len(wrong))
    for n, (item, result) in enumerate(zip(wrong, answer["results"][::2], strict=True)):
        single = (await client.post(LINKS, json=item)).json()
        for fault in single.get("errors", ()):
            fault["field"] = f"/links/{2 * n}{fault['field']}"
        assert result == {"status": single["status"], "problem": single}
    assert await count_links(database) == 1 + len(wrong)


async def test_no_item_whatever_spoils_the_others(client):
    bodies = {name: body for name, body in BODIES.items() if name not in {"nothing", "no JSON"}}
    items = b",".join([*bodies.values(), b'{"url": "https://example.com/"}'])
    answer = await client.post(BULK, content=b'{"links": [' + items + b"]}", headers=JSON)
    assert answer.status_code == 200
    assert statuses(answer.json()) == [422] * len(bodies) + [201]
    for name, result in zip(bodies, answer.json()["results"], strict=False):
        assert (name, result["problem"]) == (name, problem(422, result["problem"]["type"].rpartition(":")[2]))
        assert result["problem"]["errors"]


async def test_a_request_that_is_no_list_of_one_to_a_thousand_is_refused_whole(client, database):
    item = {"url": URL}
    for body in (None, [], [item], {}, {"links": []}, {"links": item}, {"links": [item] * 1001}, {"links": [], "x": 1}):
        answer = await client.post(BULK, json=body)
        assert_problem(answer, 422, "invalid-request")
        assert answer.json()["errors"]
    for body, status in ((b"{", 422), (b'{"links": [' + b"[" * 30_000 + b"]" * 30_000 + b"]}", 400)):
        assert (await client.post(BULK, content=body, headers=JSON)).status_code == status
    assert await count_links(database) == 0


async def test_a_thousand_of_the_longest_urls_can_be_created_at_once(client, database):
    links = [{"url": f"https://example.com/{n:04}/".ljust(8192, "x")} for n in range(1000)]
    answer = await create_links(client, *links)
    assert answer["created"] == 1000
    assert [result["link"]["url"] for result in answer["results"]] == [link["url"] for link in links]
    assert await count_links(database) == 1000


async def test_the_larger_bound_is_for_this_path_only(client):
    body = json.dumps({"links": [{"url": URL}]}).encode()
    assert (await client.post(BULK, content=body.ljust(MAX_BULK_BODY_BYTES), headers=JSON)).status_code == 200
    for path, size in ((BULK, MAX_BULK_BODY_BYTES), (LINKS, MAX_BODY_BYTES), (f"{BULK}/", MAX_BODY_BYTES)):
        assert_problem(await client.post(path, content=body.ljust(size + 1), headers=JSON), 413, "content-too-large")


@pytest.mark.parametrize("code", ["bulk", "exists"])
async def test_a_link_may_be_called_like_a_route_and_is_changed_by_its_id(client, code):
    created = await create_links(client, {"url": URL, "code": code})
    by_id = f"{LINKS}/{created['results'][0]['link']['id']}"
    assert (await client.get(f"/{code}")).headers["location"] == URL
    assert (await client.patch(by_id, json={"title": "T"})).json()["title"] == "T"
    assert (await client.get(by_id)).json()["code"] == code
    assert (await client.delete(by_id)).status_code == 204


async def test_of_those_that_ask_for_one_code_the_first_that_holds_gets_it(client):
    answer = await create_links(
        client,
        {"url": "no url", "code": "wanted"},
        {"url": "https://example.com/1", "code": "wanted"},
        {"url": "https://example.com/2", "code": "wanted"},
        {"url": "https://example.com/3", "code": "WANTED"},
    )
    assert statuses(answer) == [422, 201, 409, 201]
    assert answer["results"][2]["problem"] == problem(409, "code-taken", detail="The code wanted is taken.")
    assert (await client.get("/wanted")).headers["location"] == "https://example.com/1"


async def test_requests_that_race_for_the_same_codes_never_deadlock_and_give_each_once(client, database):
    wanted = [f"code-{n:03}" for n in range(200)]

    async def ask(turn: int) -> dict:
        # Each in another order, with generated codes between them.
        ordered = wanted[turn * 17 :] + wanted[: turn * 17]
        if turn % 2:
            ordered.reverse()
        links = [{"url": f"https://example.com/{turn}", "code": code} for code in ordered]
        return await create_links(client, *links, *({"url": URL} for _ in range(20)))

    answers = await asyncio.gather(*(ask(turn) for turn in range(10)))
    given = Counter(
        result["link"]["code"] for answer in answers for result in answer["results"] if result["status"] == 201
    )
    assert set(given.values()) == {1}
    assert {code for code in given if code.startswith("code-")} == set(wanted)
    assert {status for answer in answers for status in statuses(answer)} == {201, 409}
    assert await count_links(database) == 200 + 10 * 20


async def test_requests_that_name_the_same_codes_in_opposite_orders_wait_for_each_other_in_turn(client, database):
    wanted = [f"code-{n}" for n in range(10, 20)]
    async with database.driver_connection() as connection:
        # Both get half of their codes, and wait for the one between.
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("INSERT INTO links (code, url) VALUES ('code-15', 'https://example.com')")
        asked = [
            asyncio.create_task(create_links(client, *({"url": URL, "code": code} for code in ordered)))
            for ordered in (wanted, wanted[::-1])
        ]

        async def both_wait() -> bool:
            return await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") == 2

        await eventually(both_wait)
        await transaction.rollback()
    answers = await asyncio.gather(*asked)
    assert sorted(answer["created"] for answer in answers) == [0, 10]


async def test_codes_grow_when_their_space_is_full(settings, monkeypatch):
    monkeypatch.setattr(codes, "ALPHABET", "xy")
    async with running_app(changed(settings, code_length=3)) as app, client_of(app) as client:
        own = {"url": URL, "code": "xxx"}
        answers = [await create_links(client, own, *({"url": URL} for _ in range(10))) for _ in range(4)]
    made = [result["link"]["code"] for answer in answers for result in answer["results"] if result["status"] == 201]
    assert [statuses(answer).count(409) for answer in answers] == [0, 1, 1, 1]
    assert len(set(made)) == len(made) == 41
    assert {3, 4} <= {len(code) for code in made} <= {3, 4, 5, 6, 7}


async def test_without_any_free_code_nothing_is_created(settings, monkeypatch, database):
    monkeypatch.setattr(codes, "ALPHABET", "xy")
    async with running_app(changed(settings, code_length=3)) as app, client_of(app) as client:
        answer = await client.post(BULK, json={"links": [{"url": URL, "code": "mine"}, *[{"url": URL}] * 300]})
    assert_problem(answer, 503, "service-unavailable")
    assert await count_links(database) == 0


async def test_a_key_gives_the_first_answer_again_to_any_number_of_equal_requests(client, database):
    links = [{"url": URL}, {"url": URL, "code": "mine"}, {"url": URL, "code": "mine"}, {"url": "x"}]
    headers = {"Idempotency-Key": "import-1"}
    answers = await asyncio.gather(
        *(client.post(BULK, json={"links": links}, headers=headers) for _ in range(20)),
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert statuses(answers[0].json()) == [201, 201, 409, 422]
    assert await count_links(database) == 2
    await client.delete(f"{LINKS}/mine")
    reordered = [{name: link[name] for name in reversed(link)} for link in links]
    assert (await client.post(BULK, json={"links": reordered}, headers=headers)).text == answers[0].text


async def test_a_key_that_was_used_for_another_request_is_refused(client, database):
    headers = {"Idempotency-Key": "import-1"}
    await create_links(client, {"url": URL}, **headers)
    for body in ({"links": [{"url": URL}] * 2}, {"links": [{"url": f"{URL}x"}]}):
        assert_problem(await client.post(BULK, json=body, headers=headers), 422, "idempotency-key-reused")
    assert_problem(await client.post(LINKS, json={"url": URL}, headers=headers), 422, "idempotency-key-reused")
    headers = {"Idempotency-Key": "single-1"}
    await client.post(LINKS, json={"url": URL}, headers=headers)
    answer = await client.post(BULK, json={"links": [{"url": URL}]}, headers=headers)
    assert_problem(answer, 422, "idempotency-key-reused")
    assert await count_links(database) == 2


async def test_a_link_works_at_once_though_its_code_was_asked_for_before(client):
    for code in ("first", "second"):
        assert (await client.get(f"/{code}")).status_code == 404
    await create_links(client, {"url": URL, "code": "first"}, {"url": URL, "code": "second"})
    for code in ("first", "second"):
        assert (await client.get(f"/{code}")).headers.get("location") == URL


async def test_a_request_is_charged_once_however_many_links_it_makes(settings):
    async with running_app(changed(settings, limit_api="2/minute")) as app, client_of(app) as client:
        answers = [await client.post(BULK, json={"links": [{"url": URL}] * 100}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]


async def test_the_bytes_of_bulk_requests_are_charged_to_the_client_before_they_are_read(settings):
    limits = {"limit_api": "100/minute", "limit_api_bytes": "20kB/minute"}
    body = json.dumps({"links": [{"url": URL}]}).encode().ljust(11_000)

    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    async with running_app(changed(settings, **limits)) as app, client_of(app) as client:
        answers = [await client.post(BULK, content=body, headers=JSON) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        # Of the two limits the answer tells the one of which less is left.
        told = [(answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]) for answer in answers]
        assert told == [("100", "99"), ("20000", "0")]
        refused = await client.post(BULK, content=unread(), headers=JSON | {"Content-Length": "11000"})
        assert_problem(refused, 429, "too-many-bytes")
        assert refused.json()["detail"].startswith("At most 20000 bytes of bulk requests in 60 seconds are allowed")
        assert refused.headers["x-ratelimit-limit"] == "20000"
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert refused.headers["ratelimit-policy"] == '"api-bytes";q=20000;qu="content-bytes";w=60'
        assert refused.headers["retry-after"] == refused.headers["x-ratelimit-reset"]
        # All else goes on, and so do all others.
        assert (await client.post(LINKS, json={"url": URL})).status_code == 201
        async with client_of(app, address="203.0.113.8") as other:
            assert (await other.post(BULK, content=body, headers=JSON)).status_code == 200


async def test_a_body_that_does_not_announce_its_length_is_charged_for_what_comes(settings):
    async def chunks() -> AsyncIterator[bytes]:
        yield json.dumps({"links": [{"url": URL}]}).encode().ljust(1_100)

    async with running_app(changed(settings, limit_api_bytes="1kB/minute")) as app, client_of(app) as client:
        assert (await client.post(BULK, content=chunks(), headers=JSON)).json()["created"] == 1
        assert_problem(await client.post(BULK, content=chunks(), headers=JSON), 429, "too-many-bytes")


async def test_bytes_are_charged_also_while_redis_is_away(settings):
    limits = {"limit_api_bytes": "1kB/minute", "redis_url": "redis://127.0.0.1:1/0"}
    body = json.dumps({"links": [{"url": URL}]}).encode().ljust(1_100)
    async with running_app(changed(settings, **limits)) as app, client_of(app) as client:
        answers = [await client.post(BULK, content=body, headers=JSON) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


async def test_bulk_requests_that_take_long_leave_connections_to_everybody_else(client, database):
    async with database.driver_connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("INSERT INTO links (code, url) VALUES ('wanted', 'https://example.com')")
        waiting = [
            asyncio.create_task(create_links(client, {"url": URL, "code": "wanted"}, {"url": URL})) for _ in range(12)
        ]

        async def is_held_up() -> bool:
            return await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0

        await eventually(is_held_up)
        answers = await asyncio.wait_for(asyncio.gather(*(client.get(LINKS) for _ in range(5))), 3)
        assert {answer.status_code for answer in answers} == {200}
        assert (await client.post(LINKS, json={"url": URL})).status_code == 201
        await transaction.rollback()
    assert sorted(answer["created"] for answer in await asyncio.gather(*waiting)) == [1] * 11 + [2]


async def test_the_search_finds_new_links_before_and_after_they_are_merged(client, database):
    await create_links(client, {"url": "https://example.com/needle"}, {"url": URL, "title": "needles"})
    assert (await client.get(f"{LINKS}?q=needle")).json()["total"] == 2
    async with database.driver_connection() as connection:
        assert isinstance(connection, asyncpg.Connection)
        assert await connection.fetchval("SELECT gin_clean_pending_list('ix_links_search')") > 0
    assert (await client.get(f"{LINKS}?q=needle")).json()["total"] == 2
