"""Lists: pages in both directions, search, and the index that keeps it fast."""

import asyncio
import itertools
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert

from shortener.clicks.models import ClickTotal
from shortener.http.pagination import Order
from shortener.links import listing
from shortener.links.choices import Sort
from shortener.links.filters import LinkFilter
from shortener.links.listing import matching
from shortener.links.models import Link
from shortener.links.readable import SEARCHED_CHARACTERS
from tests.conftest import create_link

LINKS = "/api/v1/links"
COUNT = 23


@pytest.fixture
async def codes(database) -> list[str]:
    """Links with all that makes sorting hard: equal moments, equal or no titles, equal or no clicks."""
    rows = [
        {
            "code": f"c{i:02}",
            "url": f"https://example.com/{i}",
            "title": [None, "", "a", "B", "ä" * 300, "😀" * 300, '"\\' * 150][i % 7],
            "created_at": datetime(2026, 1, 1 + i // 4, tzinfo=UTC),
            "updated_at": datetime(2026, 2, 1, 0, 0, 0, 1 + i // 3, tzinfo=UTC),
        }
        for i in range(COUNT)
    ]
    async with database.session.begin() as session:
        ids = (await session.scalars(insert(Link).returning(Link.id), rows)).all()
        totals = [
            {"link_id": id_, "clicks": i % 3 * 2**40, "visitors": 0, "bots": 0} for i, id_ in enumerate(ids) if i % 2
        ]
        await session.execute(insert(ClickTotal), totals)
    return [row["code"] for row in rows]


async def get_page(client, path: str) -> dict:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def codes_of(page: dict) -> list[str]:
    return [item["code"] for item in page["items"]]


@pytest.mark.parametrize(("sort", "order"), [*itertools.product(Sort, Order)])
@pytest.mark.parametrize("walk", [4, 5000])
async def test_pages_show_each_link_exactly_once_in_both_directions(client, codes, sort, order, walk, monkeypatch):
    monkeypatch.setattr(listing, "WALK", walk)
    query = f"sort={sort}&order={order}"
    whole = codes_of(await get_page(client, f"{LINKS}?limit=100&{query}"))
    assert sorted(whole) == codes
    forwards, path, pages = [], f"{LINKS}?limit=5&{query}", []
    while path:
        pages.append(page := await get_page(client, path))
        assert page["total"] == COUNT
        forwards += codes_of(page)
        path = page["next"]
    assert forwards == whole
    assert [len(page["items"]) for page in pages] == [5, 5, 5, 5, 3]
    assert pages[0]["previous"] is None
    backwards, page = codes_of(pages[-1]), pages[-1]
    while page["previous"]:
        page = await get_page(client, page["previous"])
        backwards = codes_of(page) + backwards
    assert backwards == whole
    assert page["next"] is not None


async def test_where_each_link_has_a_value_the_two_orders_are_each_others_reverse(client, codes):
    for sort in set(Sort) - {Sort.TITLE, Sort.EXPIRES_AT}:
        ascending = codes_of(await get_page(client, f"{LINKS}?limit=100&sort={sort}&order=asc"))
        assert ascending == codes_of(await get_page(client, f"{LINKS}?limit=100&sort={sort}&order=desc"))[::-1]


async def test_the_orders_are_what_their_names_say(client, codes):
    for sort, key in (
        ("code", "code"),
        ("created_at", "created_at"),
        ("updated_at", "updated_at"),
        ("clicks", "clicks"),
    ):
        items = (await get_page(client, f"{LINKS}?limit=100&sort={sort}&order=asc"))["items"]
        assert [item[key] for item in items] == sorted(item[key] for item in items)
    assert codes_of(await get_page(client, f"{LINKS}?limit=3")) == codes[:-4:-1]


@pytest.mark.parametrize(("sort", "order"), [("created_at", "desc"), ("created_at", "asc"), ("code", "asc")])
async def test_links_created_and_deleted_in_between_disturb_no_page(client, codes, sort, order):
    seen, path, made = [], f"{LINKS}?limit=4&sort={sort}&order={order}", 0
    while path:
        page = await get_page(client, path)
        seen += codes_of(page)
        made += 1
        await create_link(client, code=f"{'a' if made % 2 else 'z'}{made:02}")
        if made == 2:
            await client.delete(f"{LINKS}/{seen[0]}")
        path = page["next"] if made < 30 else None
    assert len(seen) == len(set(seen))
    assert set(codes) <= set(seen)


async def test_an_empty_list_has_no_further_pages(client):
    assert await get_page(client, LINKS) == {
        "items": [],
        "total": 0,
        "total_is_exact": True,
        "next": None,
        "previous": None,
    }


async def test_a_list_that_fills_its_last_page_has_none_behind_it(client, codes):
    whole = await get_page(client, f"{LINKS}?limit=10&q=c0")
    assert (len(whole["items"]), whole["total"], whole["next"]) == (10, 10, None)
    last = await get_page(client, (await get_page(client, f"{LINKS}?limit=5&q=c0"))["next"])
    assert (len(last["items"]), last["next"]) == (5, None)


async def test_a_search_stays_on_all_its_pages_and_escapes_what_it_holds(client):
    for i in range(5):
        await create_link(client, f"https://example.com/{i}?a=1&b=%20", title="50% & more")
    await create_link(client, title="50 more")
    page = await get_page(client, f"{LINKS}?limit=2&q=50%25+%26+m")
    found = codes_of(page)
    while page["next"]:
        page = await get_page(client, page["next"])
        assert page["total"] == 5
        found += codes_of(page)
    assert len(set(found)) == len(found) == 5


SEARCHES = {
    "spring": {"by-code", "by-title"},
    "SPRING": {"by-code", "by-title"},
    "example.org/a_b": {"by-url"},
    "A_B": {"by-url"},
    "axb": {"wildcard"},
    "100%": {"percent"},
    "%": {"percent"},
    "_": {"by-url"},
    "\\": {"backslash"},
    "\\_": set(),
    "über": {"umlaut"},
    "ÜBER": {"umlaut"},
    "漢字": {"han"},
    "by-codehttps": set(),
    "  ": set(),
    "": {"by-code", "by-title", "by-url", "wildcard", "percent", "backslash", "umlaut", "han"},
}


async def test_a_search_looks_into_code_url_and_title_literally_and_whatever_the_case(client):
    await create_link(client, "https://example.com/1", code="spring-1")
    await create_link(client, "https://example.com/2", code="second", title="Our SpRiNg sale")
    await create_link(client, "https://example.org/a_b", code="third")
    await create_link(client, "https://example.com/axb", code="fourth")
    await create_link(client, "https://example.com/5", code="fifth", title="100% off")
    await create_link(client, "https://example.com/6", code="sixth", title="a\\b")
    await create_link(client, "https://example.com/7", code="seventh", title="Über uns")
    await create_link(client, "https://example.com/8", code="eighth", title="漢字仮名")
    names = dict(
        zip(
            ["spring-1", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"],
            ["by-code", "by-title", "by-url", "wildcard", "percent", "backslash", "umlaut", "han"],
            strict=True,
        )
    )
    for q, expected in SEARCHES.items():
        answer = (await client.get(LINKS, params={"q": q})).json()
        assert (q, {names[code] for code in codes_of(answer)}) == (q, expected)
        assert answer["total"] == len(expected)


async def test_a_search_finds_a_url_as_people_read_it_and_as_it_is_stored(client):
    moscow = "https://ru.wikipedia.org/wiki/%D0%9C%D0%BE%D1%81%D0%BA%D0%B2%D0%B0"
    await create_link(client, moscow, code="moscow")
    await client.post(f"{LINKS}/bulk", json={"links": [{"url": "https://tübingen.de/a", "code": "tuebingen"}]})
    await create_link(client, code="later")
    await client.patch(f"{LINKS}/later", json={"url": "https://example.com/summer%20sale"})
    searches = {"Москва": "moscow", "москв": "moscow", "wiki/%D0%9C": "moscow", "tübingen": "tuebingen"}
    searches |= {"TÜBINGEN.de/": "tuebingen", "xn--tbingen": "tuebingen", "summer sale": "later", "r%20s": "later"}
    for q, code in searches.items():
        assert (q, codes_of((await client.get(LINKS, params={"q": q})).json())) == (q, [code])
    await client.patch(f"{LINKS}/later", json={"url": "https://example.com/plain"})
    assert codes_of((await client.get(LINKS, params={"q": "summer sale"})).json()) == []


async def test_a_search_covers_a_bounded_part_of_a_url(client):
    start = "https://example.com/".ljust(SEARCHED_CHARACTERS - 6, "x")
    await create_link(client, f"{start}within", code="within")
    await create_link(client, f"{start}xbeyond", code="beyond")
    assert codes_of((await client.get(LINKS, params={"q": "xwithin"})).json()) == ["within"]
    assert codes_of((await client.get(LINKS, params={"q": "xxbeyond"})).json()) == []
    assert codes_of((await client.get(LINKS, params={"q": "xxbey"})).json()) == ["beyond"]


async def test_a_search_among_many_links_uses_its_index(database):
    async with database.driver_connection() as connection:
        await connection.execute(
            "INSERT INTO links (code, url, title) SELECT 'c' || i, 'https://example.com/' || md5(i::text),"
            " CASE i % 2 WHEN 0 THEN md5('title' || i) END FROM generate_series(1, 20000) i"
        )
        await connection.execute("VACUUM ANALYZE links")
        query = matching(None, LinkFilter(q="C0ffee"), "https://sho.rt").compile(
            database.engine.sync_engine, compile_kwargs={"literal_binds": True}
        )
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}".replace("%%", "%")))
    assert "Bitmap Index Scan on ix_links_search" in plan
    assert "Seq Scan on links" not in plan


async def test_lists_stay_whole_while_many_create_links_at_the_same_time(client):
    await asyncio.gather(*(create_link(client, f"https://example.com/{i}") for i in range(40)))
    seen, path = [], f"{LINKS}?limit=7"
    while path:
        page = await get_page(client, path)
        seen += codes_of(page)
        path = page["next"]
    assert len(set(seen)) == len(seen) == 40
