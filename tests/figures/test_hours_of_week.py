"""Hours of the week: summed up by month, and the same in every zone as when they are read one by one."""

import random
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from shortener.clicks.event import new_batch
from shortener.figures.hours_of_week import within
from shortener.figures.rollups import QUARTERS_FROM, QUARTERS_OF_WEEK, RECENT, sum_up
from shortener.figures.spans import Grain, Span
from shortener.stores.database import Database
from tests.clicks.make import click, link_of, rows_of, write
from tests.figures.test_rollups import LAST_MONTH, TODAY

# Clocks are moved in it, in Europe as in Australia.
OCTOBER = datetime(TODAY.year - 1, 10, 1, tzinfo=UTC)
DECEMBER = datetime(TODAY.year - 1, 12, 1, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns")

Hours = dict[str, int]


@pytest.fixture
async def link(client: httpx.AsyncClient, database: Database) -> tuple[str, int]:
    """A link with enough clicks in three months, and one click on either side of each; its code and its id."""
    code, link_id = await link_of(client, database)
    chance = random.Random(7)
    for month in (OCTOBER, DECEMBER, LAST_MONTH):
        within = (month + timedelta(seconds=chance.randrange(28 * 86_400)) for _ in range(QUARTERS_FROM))
        around = (month - timedelta(seconds=1), month, month + timedelta(days=31))
        await write(database, new_batch([click(link_id, moment) for moment in (*within, *around)]))
    return code, link_id


async def run(database: Database, link_id: int) -> None:
    async with database.driver_connection() as connection:
        await sum_up(connection, [link_id], TODAY - RECENT, TODAY)


async def hours(client: httpx.AsyncClient, code: str, zone: str, start: datetime = OCTOBER) -> Hours:
    query = {"from": (start - timedelta(days=2)).date().isoformat(), "interval": "week", "tz": zone}
    answer = await client.get(f"/api/v1/links/{code}/stats", params=query)
    found: Hours = {each["value"]: each["clicks"] for each in answer.raise_for_status().json()["hours_of_week"]}
    assert found
    return found


async def lose_quarters(database: Database, start: datetime, end: datetime) -> None:
    await rows_of(database, "DELETE FROM click_counts_15min WHERE start >= $1 AND start < $2", start, end)


async def test_hours_of_the_week_are_the_same_from_sums_in_every_zone(client, database, link):
    before = {zone: await hours(client, link[0], zone) for zone in ZONES}
    await run(database, link[1])
    assert {zone: await hours(client, link[0], zone) for zone in ZONES} == before
    assert len({tuple(found.items()) for found in before.values()}) == len(ZONES)
    # They are read from the sums now.
    await lose_quarters(database, DECEMBER, DECEMBER + timedelta(days=30))
    assert {zone: await hours(client, link[0], zone) for zone in ZONES} == before


async def test_a_month_in_which_clocks_are_moved_is_read_one_by_one(client, database, link):
    await run(database, link[1])
    before = {zone: await hours(client, link[0], zone) for zone in ("UTC", "Europe/Berlin")}
    await lose_quarters(database, OCTOBER, OCTOBER + timedelta(days=31))
    assert await hours(client, link[0], "UTC") == before["UTC"]
    assert await hours(client, link[0], "Europe/Berlin") != before["Europe/Berlin"]


async def test_days_of_a_month_in_which_clocks_are_moved_are_read_from_sums_but_for_the_day_itself(client, database):
    code, link_id = await link_of(client, database)
    moved = next(day for n in range(31, 0, -1) if (day := OCTOBER.replace(day=n)).weekday() == 6)
    chance = random.Random(8)
    for day in (OCTOBER + timedelta(days=1), moved):
        moments = [day + timedelta(seconds=chance.randrange(86_400)) for _ in range(QUARTERS_FROM)]
        await write(database, new_batch([click(link_id, moment) for moment in moments]))
    before = {zone: await hours(client, code, zone) for zone in ZONES}
    async with database.driver_connection() as connection:
        await sum_up(connection, [link_id], OCTOBER, TODAY)
    assert {zone: await hours(client, code, zone) for zone in ZONES} == before
    await lose_quarters(database, OCTOBER, moved)
    assert {zone: await hours(client, code, zone) for zone in ZONES} == before
    await lose_quarters(database, moved, moved + timedelta(days=1))
    assert await hours(client, code, "Asia/Kolkata") == before["Asia/Kolkata"]
    assert sum((await hours(client, code, "Europe/Berlin")).values()) == QUARTERS_FROM


async def test_a_month_that_the_span_cuts_is_read_one_by_one(client, database, link):
    middle = DECEMBER + timedelta(days=12)
    before = await hours(client, link[0], "UTC", middle)
    await run(database, link[1])
    assert await hours(client, link[0], "UTC", middle) == before


def test_a_month_that_begins_before_the_span_is_not_read_from_sums():
    january = datetime(TODAY.year, 1, 1, tzinfo=UTC)
    months = [Span(Grain.MONTH, DECEMBER, january)]
    assert list(within(months, DECEMBER, january)) == months
    # Breakdowns of groups begin with the hour.
    assert list(within(months, DECEMBER + timedelta(minutes=15), january)) == []


async def test_a_late_click_is_in_the_hours_of_the_week_at_once(client, database, link):
    await run(database, link[1])
    before = await hours(client, link[0], "UTC")
    monday = next(day for n in range(7) if (day := DECEMBER + timedelta(days=n)).weekday() == 0)
    await write(database, new_batch([click(link[1], monday + timedelta(hours=9))]))
    after = await hours(client, link[0], "UTC")
    assert after["mon 09"] == before.get("mon 09", 0) + 1
    await run(database, link[1])
    assert await hours(client, link[0], "UTC") == after


async def test_months_that_were_summed_up_without_quarters_get_them(client, database, link):
    await run(database, link[1])
    count = f"SELECT count(*) FROM click_breakdown_monthly WHERE dimension = {QUARTERS_OF_WEEK}"
    [(there,)] = await rows_of(database, count)
    await rows_of(database, "DELETE FROM click_breakdown_monthly WHERE dimension = $1", QUARTERS_OF_WEEK)
    before = await hours(client, link[0], "Asia/Kolkata")
    await run(database, link[1])
    assert await rows_of(database, count) == [(there,)]
    assert await hours(client, link[0], "Asia/Kolkata") == before


async def test_a_month_with_few_clicks_keeps_its_quarters(client, database):
    _, link_id = await link_of(client, database)
    await write(database, new_batch([click(link_id, LAST_MONTH + n * timedelta(minutes=20)) for n in range(900)]))
    await run(database, link_id)
    found = await rows_of(database, "SELECT DISTINCT dimension FROM click_breakdown_monthly")
    assert found
    assert (QUARTERS_OF_WEEK,) not in found
