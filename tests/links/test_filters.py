"""Filters and orders of lists, against a naive model of the same links."""

import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener.links import filters, listing
from shortener.links.filters import PART, parts_of
from tests.clicks.make import rows_of
from tests.conftest import create_link
from tests.links.test_api import LINKS, assert_problem
from tests.links.test_listing import codes_of, get_page

NOW = datetime.now(UTC).replace(microsecond=0)
EARLIER, LATER = NOW - timedelta(days=1), NOW + timedelta(days=1)
STATES = ("live", "scheduled", "expired", "used_up", "disabled", "archived", "banned", "deleted")
HAVING = ("password", "rules", "variants", "limit", "note")
TEXTS = ("übung", "春节", "春", "Ü", "节春", "%E6%98%A5", "A b", "chef", "red", "RÜN", "c1", "sho.rt/c1", "%", "_", "x")
LONG_TEXTS = ("https://a.example/A%20b", "b.example/%E6%98%A5%E8", "https://sho.rt/c12", "https://b.example/nothing1")
SORTS = ("created_at", "updated_at", "clicks", "code", "title", "expires_at")
RULE = {"name": "r", "if": [{"type": "country", "values": ["DE"]}], "url": "https://rule.example/"}
TRAITS: dict[str, list[dict[str, Any]]] = {
    "url": [{"url": f"https://{host}.example/{path}"} for host in "ab" for path in ("", "春节", "A%20b")],
    "title": [{}, {"title": "Übung"}, {"title": "a b"}, {"title": "z"}],
    "tags": [{}, {"tags": ["red"]}, {"tags": ["red", "blue"]}, {"tags": ["grün"]}],
    "note": [{}, {"note": "for the Chef"}],
    "limit": [{}, {"max_clicks": 2}],
    "starts": [{}, {}, {"starts_at": LATER.isoformat()}],
    "rules": [{}, {"rules": [RULE]}],
    "variants": [{}, {"variants": [{"name": "v", "url": "https://v.example/"}]}],
    "archived": [{}, {}, {"archived": True}],
}


@pytest.fixture
async def links(client, database) -> list[dict[str, Any]]:
    """Sixty links of all kinds, as the API gives them."""
    choose = random.Random(12)
    for n in range(60):
        options: dict[str, Any] = {"code": f"c{n:02}"}
        for values in TRAITS.values():
            options |= choose.choice(values)
        await create_link(client, **options)
    set_ = "UPDATE links SET {} WHERE right(code, 1)::int = $1"
    await rows_of(database, set_.format("is_disabled = true"), 1)
    await rows_of(database, set_.format("ban_id = 7"), 2)
    await rows_of(database, set_.format("password_hash = 'x'"), 3)
    await rows_of(database, set_.format("starts_at = NULL, expires_at = now() - interval '1 hour'"), 4)
    await rows_of(database, set_.format("expires_at = now() + make_interval(hours => 48 + id::int)"), 5)
    await rows_of(database, "UPDATE links SET created_at = $1 WHERE code < 'c30'", EARLIER)
    await rows_of(database, "INSERT INTO click_totals SELECT id, id % 5, 0, 0 FROM links WHERE id % 3 > 0")
    found = [(await client.get(f"{LINKS}/c{n:02}")).json() for n in range(60)]
    for link in found[6::10]:
        await client.delete(f"{LINKS}/{link['code']}")
        link["deleted"] = True
    return found


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def is_in(link: dict[str, Any], state: str) -> bool:
    if state == "deleted":
        return "deleted" in link
    if "deleted" in link:
        return False
    now = datetime.now(UTC)
    is_state = {
        "scheduled": (moment(link["starts_at"]) or now) > now,
        "expired": (moment(link["expires_at"]) or LATER) <= now,
        "used_up": link["max_clicks"] is not None and link["clicks"] >= link["max_clicks"],
        "disabled": link["disabled"],
        "archived": link["archived"],
        "banned": link["banned"],
    }
    is_state["live"] = not any(is_state[name] for name in is_state if name != "archived")
    return is_state[state]


def has(link: dict[str, Any], name: str) -> bool:
    return bool({"password": link["has_password"], "limit": link["max_clicks"]}.get(name, link.get(name)))


def text_of(link: dict[str, Any]) -> str:
    readable = link["url"].replace("%E6%98%A5%E8%8A%82", "春节").replace("%20", " ")
    texts = [link["code"], link["short_url"], link["url"], readable, link["title"], link["note"], *link["tags"]]
    return "\n".join(text or "" for text in texts).lower()


def fits(link: dict[str, Any], query: dict[str, Any]) -> bool:
    tests = {
        "tag": lambda v: (all if query.get("tag_mode") == "all" else any)(tag in link["tags"] for tag in v),
        "tag_mode": lambda _: True,
        "without_tag": lambda v: not any(tag in link["tags"] for tag in v),
        "host": lambda v: link["url"].startswith(f"https://{v}/"),
        "state": lambda v: is_in(link, v),
        "archived": lambda v: True,
        "created_from": lambda v: moment(link["created_at"]) >= moment(v),
        "created_to": lambda v: moment(link["created_at"]) < moment(v),
        "clicks_min": lambda v: link["clicks"] >= v,
        "clicks_max": lambda v: link["clicks"] <= v,
        "has": lambda v: all(has(link, name) for name in v),
        "q": lambda v: v.lower() in text_of(link),
    }
    if query.get("state") != "deleted" and "deleted" in link:
        return False
    if query.get("state") not in ("archived", "deleted") and link["archived"] != query.get("archived", False):
        return False
    return all(tests[name](value) for name, value in query.items())


def random_query(choose: random.Random) -> dict[str, Any]:
    values: dict[str, Any] = {
        "tag": choose.sample(["red", "blue", "grün", "nobody"], choose.randint(1, 2)),
        "tag_mode": choose.choice(["any", "all"]),
        "without_tag": [choose.choice(["red", "blue", "grün"])],
        "host": choose.choice(["a.example", "b.example", "example"]),
        "state": choose.choice(STATES),
        "archived": choose.choice([True, False]),
        "created_from": choose.choice([EARLIER, EARLIER + timedelta(seconds=1), NOW]).isoformat(),
        "created_to": choose.choice([EARLIER, EARLIER + timedelta(seconds=1), LATER]).isoformat(),
        "clicks_min": choose.randint(0, 4),
        "clicks_max": choose.randint(0, 4),
        "has": choose.sample(HAVING, choose.randint(1, 2)),
        "q": choose.choice((*TEXTS, *LONG_TEXTS)),
    }
    return {name: values[name] for name in choose.sample(sorted(values), choose.choice([1, 1, 2, 3]))}


async def test_every_filter_finds_what_a_naive_model_finds(client, links, monkeypatch):
    choose = random.Random(7)
    sizes, exact = [], []
    for _ in range(200):
        # Few, so that links are collected, or many, so that the list is walked through.
        monkeypatch.setattr(listing, "WALK", choose.choice([1, 7, 30, 1000]))
        monkeypatch.setattr(listing, "FEW", choose.choice([1, 5, 1000]))
        monkeypatch.setattr(listing, "WITHOUT_TEXTS", choose.choice([1, 7, 30, 1000]))
        monkeypatch.setattr(filters, "FEW_CLICKED", choose.choice([0, 1000]))
        limit, sort = choose.choice([1, 5, 100]), choose.choice(SORTS)
        query = random_query(choose)
        path = str(client.build_request("GET", LINKS, params={"limit": limit, "sort": sort, **query}).url)
        expected, found = sorted(link["code"] for link in links if fits(link, query)), []
        while path:
            page = await get_page(client, path)
            found += codes_of(page)
            assert page["total"] == len(expected) or (not page["total_is_exact"] and page["total"] < len(expected))
            exact.append(page["total_is_exact"])
            path = page["next"]
        assert sorted(found) == expected, (query, sort, limit, listing.WALK)
        sizes.append(len(expected))
    assert set(exact) == {True, False}
    # The queries tell links apart.
    assert len(set(sizes)) > 15


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", SORTS)
async def test_links_come_in_order_and_those_without_a_value_last(client, links, sort, order):
    items, path = [], f"{LINKS}?sort={sort}&order={order}&limit=7"
    while path:
        page = await get_page(client, path)
        items += page["items"]
        path = page["next"]
    there = [item[sort] for item in items if item[sort] is not None]
    assert there == sorted(there, reverse=order == "desc")
    assert [item[sort] for item in items][len(there) :] == [None] * (len(items) - len(there))
    assert {item["code"] for item in items} == {link["code"] for link in links if fits(link, {})}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "dead"}, "state"),
        ({"has": "luck"}, "has/0"),
        ({"tag": "a/b"}, "tag/0"),
        ({"tag": [str(n) for n in range(21)]}, "tag"),
        ({"host": "a b"}, "host"),
        ({"clicks_min": -1}, "clicks_min"),
        ({"created_from": "2026-01-01"}, "created_from"),
        ({"sort": "luck"}, "sort"),
    ],
)
async def test_a_wrong_filter_is_refused_with_a_pointer_to_it(client, query, field):
    answer = await client.get(LINKS, params=query)
    assert_problem(answer, 422, "invalid-request")
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


async def test_a_tag_that_was_merged_into_another_finds_its_links_by_the_other(client):
    await create_link(client, code="abc", tags=["red"])
    await create_link(client, code="def", tags=["blue"])
    await client.post("/api/v1/tags/red/merge", json={"into": "blue"})
    assert codes_of(await get_page(client, f"{LINKS}?tag=blue&sort=code&order=asc")) == ["abc", "def"]
    assert codes_of(await get_page(client, f"{LINKS}?tag=red")) == []
    assert codes_of(await get_page(client, f"{LINKS}?without_tag=blue")) == []


@given(st.text(min_size=3 * PART + 1, max_size=200), st.text(max_size=5))
def test_the_parts_of_a_long_text_are_in_each_text_that_has_it(text, other):
    """In this order, and none of them in another."""
    first, between, last = parts_of(text)
    found = re.search(f"{re.escape(first)}.*{re.escape(between)}.*{re.escape(last)}", other + text + other, re.DOTALL)
    assert found is not None
    assert len(first) == len(between) == len(last) == PART
    assert sum(map(str.isdigit, between)) == max(
        sum(map(str.isdigit, text[n : n + PART])) for n in range(PART, len(text) - 2 * PART + 1)
    )
