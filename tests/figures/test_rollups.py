"""Breakdowns by day and by month: read while they are complete, and never when they are not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from shortener.clicks.event import Batch, new_batch
from shortener.figures.rollups import MIN_CLICKS, RECENT, complete_spans, sum_up
from shortener.figures.spans import Grain
from shortener.settings import Settings
from shortener.stores.database import Database
from shortener.stores.parts import DATABASE, REDIS
from tests.clicks.make import click, link_of, rows_of, write
from tests.conftest import job_context
from workers import figures
from workers import figures as upkeep_figures
from workers.figures import sum_up_breakdowns

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
YESTERDAY = TODAY - timedelta(days=1)
THIS_MONTH = TODAY.replace(day=1)
LAST_MONTH = (THIS_MONTH - timedelta(days=1)).replace(day=1)
MONTH_BEFORE = (LAST_MONTH - timedelta(days=1)).replace(day=1)


def month_of_clicks(link: int, month: datetime, count: int = MIN_CLICKS) -> Batch:
    """Clicks on the first days of this month, the first of them at its very beginning."""
    return new_batch(
        [
            click(
                link, month + n * timedelta(hours=3), referrer=f"https://site{n % 3}.example/", address=f"8.8.8.{n % 9}"
            )
            for n in range(count)
        ]
    )


def day_of_clicks(link: int, day: datetime, count: int = MIN_CLICKS) -> Batch:
    return new_batch([click(link, day + n * timedelta(minutes=1)) for n in range(count)])


async def run(database: Database, *links: int) -> None:
    async with database.driver_connection() as connection:
        await sum_up(connection, list(links), TODAY - RECENT, TODAY)


async def complete(database: Database, link: int, grain: Grain = Grain.MONTH) -> set[datetime]:
    async with database.session() as session:
        spans = (await complete_spans(session, link, MONTH_BEFORE, TODAY + timedelta(days=1))).spans
    return {span.start for span in spans if span.grain is grain}


async def stats(client: httpx.AsyncClient, code: str) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/links/{code}/stats", params={"from": MONTH_BEFORE.date().isoformat()})
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


@pytest.fixture
async def link(client: httpx.AsyncClient, database: Database) -> tuple[str, int]:
    """A link with clicks in three months; its code and its id."""
    code, link_id = await link_of(client, database)
    await write(database, *(month_of_clicks(link_id, month) for month in (MONTH_BEFORE, LAST_MONTH)))
    await write(database, month_of_clicks(link_id, THIS_MONTH, 1))
    return code, link_id


async def test_months_that_are_over_are_summed_up_and_then_read_instead_of_hours(
    client: httpx.AsyncClient, database: Database, link: tuple[str, int]
) -> None:
    before = await stats(client, link[0])
    assert await complete(database, link[1]) == set()
    await run(database, link[1])
    assert await complete(database, link[1]) == {MONTH_BEFORE, LAST_MONTH}
    await rows_of(database, "DELETE FROM click_breakdown_hourly WHERE start < $1", THIS_MONTH)
    assert await stats(client, link[0]) == before


async def test_days_that_are_over_are_summed_up_and_then_read_instead_of_hours(
    client: httpx.AsyncClient, database: Database
) -> None:
    code, link_id = await link_of(client, database)
    await write(database, day_of_clicks(link_id, YESTERDAY), day_of_clicks(link_id, TODAY))
    before = await stats(client, code)
    assert await complete(database, link_id, Grain.DAY) == set()
    await run(database, link_id)
    # On the first of a month yesterday's month is over too.
    over = Grain.MONTH if TODAY == THIS_MONTH else Grain.DAY
    assert await complete(database, link_id, over) == {LAST_MONTH if TODAY == THIS_MONTH else YESTERDAY}
    await rows_of(database, "DELETE FROM click_breakdown_hourly WHERE start < $1", TODAY)
    assert await stats(client, code) == before


async def test_a_late_click_is_in_the_figures_at_once_whoever_writes_it(
    client: httpx.AsyncClient, database: Database, link: tuple[str, int]
) -> None:
    await run(database, link[1])
    late = click(link[1], LAST_MONTH + timedelta(days=9), referrer="https://late.example/")
    await write(database, new_batch([late]))
    assert await complete(database, link[1]) == {MONTH_BEFORE}
    found = await stats(client, link[0])
    assert {"value": "late.example", "clicks": 1} in found["referrers"]
    assert sum(each["clicks"] for each in found["devices"]) == found["clicks"]
    await run(database, link[1])
    assert await complete(database, link[1]) == {MONTH_BEFORE, LAST_MONTH}
    assert await stats(client, link[0]) == found


@pytest.mark.parametrize("table", ["click_breakdown_daily", "click_breakdown_monthly"])
async def test_summing_up_twice_changes_nothing(database: Database, link: tuple[str, int], table: str) -> None:
    await write(database, day_of_clicks(link[1], YESTERDAY))
    await run(database, link[1])
    sql = f"SELECT *, xmin::text FROM {table} ORDER BY 1, 2, 3, 4"
    before = await rows_of(database, sql)
    assert before
    await run(database, link[1])
    assert await rows_of(database, sql) == before


async def test_a_late_click_of_a_day_is_in_the_figures_at_once(client: httpx.AsyncClient, database: Database) -> None:
    code, link_id = await link_of(client, database)
    day = TODAY - timedelta(days=2)
    await write(database, day_of_clicks(link_id, day))
    await run(database, link_id)
    await write(database, new_batch([click(link_id, day + timedelta(hours=20), referrer="https://late.example/")]))
    found = await stats(client, code)
    assert {"value": "late.example", "clicks": 1} in found["referrers"]
    assert sum(each["clicks"] for each in found["devices"]) == found["clicks"] == MIN_CLICKS + 1
    await run(database, link_id)
    assert await stats(client, code) == found
    assert await complete(database, link_id, Grain.DAY) | await complete(database, link_id)


async def test_a_day_with_few_clicks_stays_with_its_hours(database: Database) -> None:
    await write(database, day_of_clicks(1, YESTERDAY, MIN_CLICKS - 1), day_of_clicks(2, YESTERDAY))
    await run(database, 1, 2)
    assert await rows_of(database, "SELECT DISTINCT link_id FROM click_breakdown_daily") == [(2,)]


async def test_a_month_with_few_clicks_stays_with_its_hours(database: Database) -> None:
    await write(database, month_of_clicks(1, LAST_MONTH, MIN_CLICKS - 1), month_of_clicks(2, LAST_MONTH))
    await run(database, 1, 2)
    assert await rows_of(database, "SELECT DISTINCT link_id FROM click_breakdown_monthly") == [(2,)]


async def test_the_job_sums_up_every_busy_link_and_begins_anew_when_it_was_at_the_last(
    settings: Settings, database: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep_figures, "_SUM_UP_LINKS", 2)
    ctx = job_context(settings, {DATABASE: database, REDIS: redis})
    await write(database, *(month_of_clicks(link_id, LAST_MONTH) for link_id in range(1, 6)))
    for _ in range(2):
        await sum_up_breakdowns(ctx)
        links = await rows_of(database, "SELECT DISTINCT link_id FROM click_breakdown_monthly ORDER BY 1")
        assert links == [(link_id,) for link_id in range(1, 6)]
        await rows_of(database, "TRUNCATE click_breakdown_monthly")


async def test_the_job_goes_on_where_its_time_ended(
    settings: Settings, database: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep_figures, "_SUM_UP_LINKS", 2)
    monkeypatch.setattr(figures, "SUM_UP_TIME_S", 0)
    ctx = job_context(settings, {DATABASE: database, REDIS: redis})
    await write(database, *(month_of_clicks(link_id, LAST_MONTH) for link_id in range(1, 6)))
    for count in (2, 4, 5):
        await sum_up_breakdowns(ctx)
        links = await rows_of(database, "SELECT DISTINCT link_id FROM click_breakdown_monthly ORDER BY 1")
        assert links == [(link_id,) for link_id in range(1, count + 1)]
