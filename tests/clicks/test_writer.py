"""Batches into Postgres: each counted once, all of it or nothing, and counts that equal the rows."""

import asyncio
import secrets
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shortener.clicks.event import Batch, Choice, Click, Mark, Source, new_batch
from shortener.clicks.models import DIMENSIONS
from shortener.clicks.partitions import ensure_partitions
from shortener.clicks.recorder import MAX_BATCH
from shortener.clicks.writer import ClickWriter
from shortener.stores.database import Database
from tests.clicks.make import batch, click, number_of_rows, rows_of, write
from tests.conftest import CHROME, create_link, eventually
from tests.load.loop_watch import LoopWatch

TABLES = [
    "clicks", "click_batches", "click_visitors", "click_counts_15min", "click_counts_daily",
    "click_breakdown_hourly", "click_totals",
]  # fmt: skip


async def test_a_batch_delivered_twice_in_a_call_is_counted_once(database: Database) -> None:
    twice = batch(10)
    assert await write(database, twice, batch(5), twice) == 15
    assert await number_of_rows(database) == 15


async def test_a_batch_delivered_in_two_calls_is_counted_once(database: Database) -> None:
    twice, writer = batch(10), ClickWriter()
    assert await write(database, twice, writer=writer) == 10
    assert await write(database, twice, writer=writer) == 0
    assert await write(database, twice, batch(5)) == 5
    assert await number_of_rows(database) == 15


async def test_a_batch_delivered_to_many_workers_at_once_is_counted_once(database: Database) -> None:
    for _ in range(5):
        same = [batch(2, link_id) for link_id in range(100)]
        written = await asyncio.gather(*(write(database, *same[:: 1 if n % 2 else -1]) for n in range(6)))
        assert sum(written) == 200
    assert await number_of_rows(database) == 1000


async def test_clicks_of_hostile_user_agents_do_not_hold_the_event_loop(database: Database) -> None:
    """While Redis is down, web processes write clicks as well."""
    watch = LoopWatch()
    watch.start()
    paused_ms = []
    for _ in range(3):
        agents = (f"{CHROME} {secrets.token_hex(8)} " + "fetchapi" * 50 for _ in range(MAX_BATCH))
        hostile = new_batch([click(user_agent=agent) for agent in agents])
        watch.take_ms()
        await write(database, hostile)
        paused_ms.append(watch.take_ms())
    watch.stop()
    assert min(paused_ms) < 25


@pytest.mark.parametrize("table", TABLES)
async def test_a_failure_leaves_nothing_of_a_batch(database: Database, table: str) -> None:
    await write(database, batch(3, link_id=7))
    before = [await rows_of(database, f"SELECT count(*) FROM {each}") for each in TABLES]
    refused = "id <> $$sixteen bytes id$$::bytea" if table == "click_batches" else "link_id <> 8"
    await rows_of(database, f"ALTER TABLE {table} ADD CHECK ({refused})")
    with pytest.raises(asyncpg.CheckViolationError):
        await write(database, batch(3, link_id=7), Batch(b"sixteen bytes id", [click(7), click(8)]))
    assert [await rows_of(database, f"SELECT count(*) FROM {each}") for each in TABLES] == before


@pytest.mark.parametrize("table", [table for table in TABLES if table != "clicks"])
async def test_workers_that_write_the_same_rows_never_deadlock(database: Database, table: str) -> None:
    """Each row of the table takes its time, so that two workers surely meet in the middle."""
    await rows_of(
        database,
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$",
    )
    await rows_of(database, f"CREATE TRIGGER dawdle BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION dawdle()")
    same = [batch(1, link_id) for link_id in range(20)]

    async def work(order: int) -> int:
        if table == "click_batches":
            return await write(database, *same[::order])
        # Other visitors, unless it is about these: who waits there does not meet anybody further on.
        address = "203.0.113.7" if table == "click_visitors" else f"203.0.113.{order + 10}"
        return await write(database, new_batch([click(link_id, address=address) for link_id in range(20)][::order]))

    await write(database, batch())
    written = await asyncio.gather(work(1), work(-1))
    assert sum(written) == (20 if table == "click_batches" else 40)


async def test_partitions_are_made_while_clicks_are_written_without_a_deadlock(database: Database) -> None:
    """The writer is held inside its transaction while another process wants a month and a day."""
    today = datetime.now(UTC)
    await write(database, batch())
    async with database.driver_connection() as holder, database.driver_connection() as maker:
        holding = holder.transaction()
        await holding.start()
        await holder.execute(f"LOCK TABLE click_visitors_{today:%Y%m%d} IN SHARE MODE")
        writing = asyncio.create_task(write(database, batch(3)))
        await eventually(lambda: waiting_for_locks(database, 1))
        making = asyncio.create_task(ensure_partitions(maker, {today.date() + timedelta(days=400)}))
        await eventually(lambda: waiting_for_locks(database, 2))
        await holding.rollback()
        await asyncio.wait_for(asyncio.gather(writing, making), 10)
    assert await number_of_rows(database) == 4


async def waiting_for_locks(database: Database, number: int) -> bool:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return await rows_of(database, sql) == [(number,)]


start_of_clicks = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=70)
random_clicks = st.builds(
    lambda link_id, after, address, user_agent, referrer, mark, choice, query, languages, source: click(
        link_id,
        start_of_clicks + after,
        address=address,
        user_agent=user_agent,
        referrer=referrer,
        mark=mark,
        choice=choice,
        query=query,
        languages=languages,
        source=source,
    ),
    st.integers(1, 3),
    st.one_of(st.timedeltas(timedelta(0), timedelta(minutes=20)), st.timedeltas(timedelta(0), timedelta(days=3))),
    st.sampled_from(["8.8.8.8", "8.8.4.4", "193.0.6.139", "2001:200::1", ""]),
    st.sampled_from([CHROME, CHROME, CHROME, f"{CHROME} Edg/140.0.0.0", "curl/8.14.1", ""]),
    st.sampled_from(["", "", "https://www.example.com/a", "android-app://com.example"]),
    st.sampled_from([Mark.NONE, Mark.NONE, Mark.HEAD]),
    st.sampled_from([None, Choice(), Choice("phones"), Choice(variant="b", is_charged=True), Choice("x", "y")]),
    st.sampled_from([b"", b"", b"utm_source=a", b"utm_medium=b&utm_campaign=c"]),
    st.sampled_from([b"", b"en", b"de-AT,de;q=0.9"]),
    st.sampled_from([Source.LINK, Source.QR]),
)


@given(st.lists(st.lists(random_clicks, max_size=60), max_size=4))
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_counts_equal_rows(database: Database, batches: list[list[Click]]) -> None:
    await write(database, *map(new_batch, batches))
    rows = await rows_of(
        database,
        "SELECT link_id, at, bot IS NOT NULL, is_new_visitor, "
        "referrer_host, country, browser, system, device, rule, variant, "
        "city, language, utm_source, utm_medium, utm_campaign, source FROM clicks",
    )
    series, values, totals = expected_counts(rows)
    for table, width in (("click_counts_15min", 900), ("click_counts_daily", 86400)):
        found = await rows_of(database, f"SELECT link_id, start, clicks, visitors, bots FROM {table}")
        assert {(link, start.timestamp()): counts for link, start, *counts in found} == series[width]
    found = await rows_of(database, "SELECT link_id, start, dimension, value, clicks, bots FROM click_breakdown_hourly")
    assert {(a, start.timestamp(), b, c): counts for a, start, b, c, *counts in found} == values
    found = await rows_of(database, "SELECT link_id, clicks, visitors, bots FROM click_totals")
    assert {link: counts for link, *counts in found} == totals


def expected_counts(rows: list[tuple[Any, ...]]) -> tuple[Any, Any, Any]:
    """Counts of clicks, visitors and bots: a series by width in seconds, values by hour, totals; from single clicks."""
    series: dict[int, Any] = {900: {}, 86400: {}}
    values: dict[Any, Any] = {}
    totals: dict[int, Any] = {}
    for link_id, at, is_bot, is_new, *dimensions in rows:
        one = [int(not is_bot), int(is_new), int(is_bot)]
        add(totals, link_id, one)
        for width, counts in series.items():
            add(counts, (link_id, at.timestamp() // width * width), one)
        for dimension, value in zip(DIMENSIONS.values(), dimensions, strict=True):
            if value is not None:
                add(values, (link_id, at.timestamp() // 3600 * 3600, dimension.number, value), one[::2])
    return series, values, totals


def add(counts: dict[Any, list[int]], key: Any, one: list[int]) -> None:
    counts[key] = [a + b for a, b in zip(counts.get(key, [0] * len(one)), one, strict=True)]


async def test_months_and_days_without_a_partition_are_made(database: Database) -> None:
    now = datetime.now(UTC)
    moments = [now - timedelta(days=days) for days in (0, 1, 35, 100, 390)]
    await write(database, new_batch([click(1, moment) for moment in moments]))
    found = await rows_of(database, "SELECT tableoid::regclass::text FROM clicks ORDER BY at DESC")
    assert [name for (name,) in found] == [f"clicks_{moment:%Y%m}" for moment in moments]


async def test_clicks_at_the_edges_of_a_month_and_a_day_are_counted_there(database: Database) -> None:
    first = (datetime.now(UTC) - timedelta(days=40)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    await write(database, new_batch([click(1, first), click(1, first - timedelta(milliseconds=1))]))
    found = await rows_of(database, "SELECT start, clicks FROM click_counts_daily ORDER BY 1")
    assert found == [(first - timedelta(days=1), 1), (first, 1)]


async def test_a_clock_that_is_far_off_is_held_at_the_limit(database: Database) -> None:
    now = datetime.now(UTC)
    far_off = [datetime(1971, 1, 1, tzinfo=UTC), datetime(2900, 1, 1, tzinfo=UTC)]
    await write(database, new_batch([*(click(1, moment) for moment in far_off), Click(1, 2**62, "", CHROME, "")]))
    [(earliest, latest)] = await rows_of(database, "SELECT min(at), max(at) FROM clicks")
    assert abs(earliest - (now - timedelta(days=400))) < timedelta(minutes=1)
    assert abs(latest - (now + timedelta(minutes=5))) < timedelta(minutes=1)
    assert await number_of_rows(database) == 3


@pytest.mark.parametrize(
    "odd",
    ["a\x00b", "\x00", "\x01\x1f\x7f\x80\x9f\xff", "ü" * 600, "\\N\t\\.\n", "' OR 1=1 --", "{a,b}\"'", "\U0001f600"],
)
async def test_odd_characters_are_stored(database: Database, odd: str) -> None:
    odd_clicks = [
        click(user_agent=odd),
        click(referrer=odd),
        click(referrer=f"https://example.com/{odd}"),
        click(referrer=f"https://{odd}.example/"),
        click(address=odd),
    ]
    assert await write(database, new_batch(odd_clicks)) == 5
    stored = await rows_of(database, "SELECT user_agent FROM clicks WHERE user_agent <> $1", CHROME)
    assert stored == [(odd[:512].replace("\x00", ""),)]


async def test_a_visitor_is_new_at_the_first_of_several_clicks_of_a_day(database: Database) -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    hours = [noon, noon + timedelta(hours=1), noon + timedelta(hours=2)]
    await write(database, new_batch([click(7, at) for at in hours[:2]]), new_batch([click(7, hours[2])]))
    rows = await rows_of(database, "SELECT at, is_new_visitor FROM clicks ORDER BY at")
    assert rows == list(zip(hours, (True, False, False), strict=True))


async def test_nothing_is_counted_on_the_links_row(client: httpx.AsyncClient, database: Database, drain: Any) -> None:
    code = (await create_link(client))["code"]
    before = await rows_of(database, "SELECT xmin::text, ctid::text, links::text FROM links")
    for _ in range(3):
        await client.get(f"/{code}")
    assert await drain() == 3
    assert await rows_of(database, "SELECT xmin::text, ctid::text, links::text FROM links") == before
    assert Counter(await rows_of(database, "SELECT clicks FROM click_totals")) == {(3,): 1}
