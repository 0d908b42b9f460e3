"""With `reuse` a link that is there and does the same is given, and none is made."""

import asyncio

import pytest

from shortener.links.schemas import LinkCreate
from tests.conftest import create_link
from tests.links.test_api import LINKS, URL, assert_problem, count_links, in_a_day

SAME = {"url": URL, "reuse": True}


async def reuse(client, **members) -> tuple[int, str]:
    answer = await client.post(LINKS, json={**SAME, **members})
    assert answer.status_code in {200, 201}, answer.text
    assert answer.headers["location"] == f"{LINKS}/{answer.json()['code']}"
    return answer.status_code, answer.json()["code"]


async def test_fifty_at_once_make_one(client, database):
    answers = await asyncio.gather(*(reuse(client) for _ in range(50)))
    assert sorted(status for status, _ in answers) == [200] * 49 + [201]
    assert len({code for _, code in answers}) == 1
    assert await count_links(database) == 1


async def test_the_newest_is_given_with_all_that_it_has(client):
    await create_link(client, url=URL, code="older")
    newer = await create_link(client, url=URL, code="newer", title="T", tags=["one"], note="N")
    answer = await client.post(LINKS, json=SAME)
    assert (answer.status_code, answer.json()) == (200, newer)


async def test_a_url_is_compared_as_it_is_stored(client):
    await create_link(client, url="https://xn--mnchen-3ya.example/%C3%A4", code="mine")
    assert await reuse(client, url="https://münchen.example/ä") == (200, "mine")


OTHERS = [
    {"public_stats": True},
    {"expires_at": in_a_day()},
    {"starts_at": in_a_day()},
    {"max_clicks": 5},
    {"password": "open sesame"},
    {"redirect_status": 301},
    {"fallback_url": "https://example.com/else"},
    {"utm": {"source": "mail"}},
    {"rules": [{"name": "r", "if": [{"type": "device", "values": ["ios"]}], "url": "https://example.com/ios"}]},
    {"variants": [{"name": "v", "url": "https://example.com/v"}]},
    {"preview": {"title": "T"}},
    {"forward_query": True},
    {"forward_path": True},
    {"indexable": True},
]
DESCRIBING = [{"title": "T"}, {"note": "N"}, {"archived": True}, {"tags": ["b", "a"]}]


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: next(iter(other)))
async def test_a_link_that_does_something_else_is_not_given(client, other):
    await create_link(client, url=URL, code="plain")
    status, code = await reuse(client, **other)
    assert (status, code != "plain") == (201, True)
    assert await reuse(client) == (200, "plain")
    if "password" not in other:
        assert await reuse(client, **other) == (200, code)


@pytest.mark.parametrize("members", DESCRIBING, ids=lambda members: next(iter(members)))
async def test_what_describes_a_link_has_to_be_equal_where_it_is_named(client, members):
    await create_link(client, url=URL, code="plain")
    status, code = await reuse(client, **members)
    assert status == 201
    assert await reuse(client, **members) == (200, code)
    plain = {name: LinkCreate.model_fields[name].default for name in members}
    assert await reuse(client, **plain) == (200, "plain")
    assert await reuse(client) == (200, code)


def test_every_member_of_a_request_is_compared_or_has_a_reason_not_to_be():
    named = {name for members in (*OTHERS, *DESCRIBING) for name in members}
    assert set(LinkCreate.model_fields) == named | {"url", "code", "domain", "workspace", "reuse"}


async def test_a_link_that_does_not_work_is_not_given(client):
    for change in ({"disabled": True}, {"url": "https://example.com/else"}, {"password": "p"}):
        code = (await create_link(client, url=URL))["code"]
        await client.patch(f"{LINKS}/{code}", json=change)
        assert (await reuse(client))[0] == 201
        await client.delete(f"{LINKS}/{(await reuse(client))[1]}")
    assert (await reuse(client))[0] == 201


async def test_a_code_that_is_asked_for_is_the_link_of_this_code_or_refused(client):
    await create_link(client, url=URL, code="mine")
    await create_link(client, code="other", url="https://example.com/else")
    assert await reuse(client, code="mine") == (200, "mine")
    assert await reuse(client, code="fresh") == (201, "fresh")
    assert_problem(await client.post(LINKS, json={**SAME, "code": "other"}), 409, "code-taken")


async def test_with_an_idempotency_key_the_answer_is_the_first_one(client):
    await create_link(client, url=URL, code="mine")
    for _ in range(2):
        answer = await client.post(LINKS, json=SAME, headers={"Idempotency-Key": "one"})
        assert (answer.status_code, answer.json()["code"]) == (200, "mine")
