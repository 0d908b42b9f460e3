"""Strangers who invent values: tables stay small, sums stay exact, and what is frequent stays visible."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from shortener.clicks.bounds import KEPT, OPEN, OTHER
from shortener.clicks.event import Click, new_batch
from shortener.clicks.models import DIMENSIONS
from shortener.figures import rollups
from shortener.figures.rollups import sum_up
from shortener.stores.database import Database
from tests.clicks.make import click, link_of, rows_of, write

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAY = TODAY - timedelta(days=2)
FLOODED = ("referrers", "utm_sources", "utm_mediums", "utm_campaigns", "browsers", "languages")


def invented(link: int, number: int, at: datetime) -> Click:
    """A click whose every value is new."""
    letters = "".join(chr(97 + number // 26**n % 26) for n in range(3))
    return click(
        link,
        at,
        referrer=f"https://host{number}.example/",
        query=f"utm_source=s{number}&utm_medium=m{number}&utm_campaign=c{number}".encode(),
        languages=letters.encode(),
        user_agent=f"{letters.title()}Bot{number}/1.0" if number % 2 else f"Mozilla/5.0 ({number})",
    )


def real(link: int, at: datetime) -> Click:
    return click(link, at, referrer="https://news.example/", query=b"utm_source=mail", languages=b"de")


async def flood(database: Database, link: int, rounds: int, clicks: int) -> int:
    """Rounds of invented clicks, each with some real ones, over two hours; returns the number of clicks."""
    for n in range(rounds):
        at = DAY + timedelta(hours=n * 2 // rounds, seconds=n)
        made = [invented(link, n * clicks + each, at) for each in range(clicks)]
        await write(database, new_batch(made + [real(link, at) for _ in range(5)]))
    return rounds * (clicks + 5)


async def sums(database: Database, table: str, link: int) -> dict[str, int]:
    names = {dimension.number: name for name, dimension in DIMENSIONS.items()}
    rows = await rows_of(
        database, f"SELECT dimension, sum(clicks + bots)::int FROM {table} WHERE link_id = $1 GROUP BY 1", link
    )
    return {names[number]: clicks for number, clicks in rows}


async def most_values(database: Database, table: str) -> int:
    sql = f"SELECT max(n) FROM (SELECT count(*) AS n FROM {table} GROUP BY link_id, start, dimension) AS counted"
    [(most,)] = await rows_of(database, sql)
    return int(most)


@pytest.mark.parametrize(("rounds", "clicks"), [(4, 3 * KEPT), (60, KEPT // 4)])
async def test_invented_values_fill_no_table_and_every_click_is_counted(
    client: httpx.AsyncClient, database: Database, rounds: int, clicks: int
) -> None:
    code, link = await link_of(client, database)
    total = await flood(database, link, rounds, clicks)
    assert await most_values(database, "click_breakdown_hourly") <= 2 * KEPT + 1
    found = await sums(database, "click_breakdown_hourly", link)
    always = {"referrers", "countries", "browsers", "systems", "devices"}
    assert {name: found[name] for name in always} == dict.fromkeys(always, total)
    assert found["utm_sources"] == found["languages"] == total
    answer = (await client.get(f"/api/v1/links/{code}/stats?bots=true&from={DAY:%Y-%m-%d}")).json()
    assert answer["clicks"] + answer["bots"] == total
    for name, value in (("referrers", "news.example"), ("utm_sources", "mail"), ("languages", "de")):
        assert {"value": value, "clicks": rounds * 5} in answer[name]
        assert answer[name][0]["value"] == OTHER


async def test_days_and_months_keep_fewer_values_and_stay_exact_after_late_clicks(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in ("_DAYS", "_MONTHS"):
        monkeypatch.setattr(rollups, width, getattr(rollups, width)._replace(kept=20))
    _, link = await link_of(client, database)
    total = await flood(database, link, 4, KEPT)
    for late in range(3):
        await write(database, new_batch([click(link, DAY, referrer=f"https://late{late}.example/")] * 30 * late))
        total += 30 * late
        async with database.driver_connection() as connection:
            await sum_up(connection, [link], DAY, TODAY)
        assert 20 <= await most_values(database, "click_breakdown_daily") <= 21
        hours = await sums(database, "click_breakdown_hourly", link)
        assert await sums(database, "click_breakdown_daily", link) == hours
        assert hours["referrers"] == total
    rows = await rows_of(database, "SELECT value, clicks FROM click_breakdown_daily WHERE dimension = 1")
    assert Counter(dict(rows)) >= Counter({"late2.example": 60, "late1.example": 30, "news.example": 20})


async def test_links_with_few_clicks_keep_each_value(client: httpx.AsyncClient, database: Database) -> None:
    _, link = await link_of(client, database)
    await write(database, new_batch([invented(link, n, DAY) for n in range(KEPT)]))
    rows = await rows_of(database, "SELECT count(*) FROM click_breakdown_hourly WHERE dimension = 1")
    assert rows == [(KEPT,)]


def test_dimensions_whose_values_strangers_choose_are_bounded() -> None:
    closed = {name for name, dimension in DIMENSIONS.items() if dimension.number not in OPEN}
    assert closed == {"countries", "devices", "rules", "variants", "sources"}


async def test_one_value_named_like_the_rest_is_counted_with_it(client: httpx.AsyncClient, database: Database) -> None:
    _, link = await link_of(client, database)
    made: list[Any] = [invented(link, n, DAY) for n in range(2 * KEPT)]
    await write(database, new_batch(made + [click(link, DAY, query=b"utm_source=other")] * 7))
    found = await sums(database, "click_breakdown_hourly", link)
    assert found["utm_sources"] == 2 * KEPT + 7
