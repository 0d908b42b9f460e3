"""No address is stored; visitors are distinguished for a day, and forgotten after some days."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from shortener.clicks.event import new_batch
from shortener.clicks.parts import CLICK_STREAM
from shortener.clicks.stream import ClickStream, Sealer
from shortener.clicks.writer import ClickWriter
from shortener.settings import Settings
from shortener.stores.database import Database
from shortener.stores.parts import DATABASE, REDIS
from tests.clicks.make import batch, click, number_of_rows, rows_of, write
from tests.conftest import CHROME, SECRET, job_context
from workers.retention import LEDGER_DAYS, SALT_DAYS, delete_expired

ADDRESSES = ["198.51.100.77", "2001:db8:aaaa:bbbb::cccc"]
NOW = datetime.now(UTC)
OTHER_BROWSER = f"{CHROME} Edg/140.0.0.0"


@pytest.fixture
async def ctx(settings: Settings, database: Database, redis: Redis) -> dict[str, Any]:
    """The context of a job of the worker."""
    stream = ClickStream(redis, Sealer(SECRET))
    await stream.ensure_group()
    return job_context(settings, {DATABASE: database, REDIS: redis, CLICK_STREAM: stream})


async def everything_in(database: Database) -> bytes:
    """Every value of every column of every table, as text and, where it has bytes, as these."""
    columns = await rows_of(
        database,
        "SELECT c.relname, a.attname, a.atttypid = 'bytea'::regtype FROM pg_attribute a "
        "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped",
    )
    found = []
    for table, column, is_bytes in columns:
        for (value,) in await rows_of(database, f'SELECT "{column}"{"" if is_bytes else "::text"} FROM "{table}"'):
            found.append(value if is_bytes else (value or "").encode())
    return b"\n".join(found)


async def test_no_address_is_in_any_column_of_the_database(database: Database) -> None:
    marks = [click(7, address=address, user_agent="an agent that is kept") for address in ADDRESSES]
    await write(database, new_batch(marks))
    data = await everything_in(database)
    assert b"an agent that is kept" in data
    for address in ADDRESSES:
        packed = ipaddress.ip_address(address).packed
        assert address.encode() not in data
        assert packed not in data
        assert str(int.from_bytes(packed[:8])).encode() not in data


async def test_a_visitor_is_counted_once_per_link_and_utc_day(database: Database) -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = midnight - timedelta(milliseconds=1)
    writer = ClickWriter()
    await write(database, new_batch([click(1, yesterday)] * 3), writer=writer)
    await write(database, new_batch([click(1, yesterday), click(1, midnight), click(2, midnight)]), writer=writer)
    await write(database, new_batch([click(1, midnight, address="203.0.113.8")]))
    await write(database, new_batch([click(1, midnight, user_agent=OTHER_BROWSER), click(1, midnight)]))
    found = await rows_of(database, "SELECT link_id, start, clicks, visitors FROM click_counts_daily ORDER BY 1, 2")
    assert found == [(1, midnight - timedelta(days=1), 4, 1), (1, midnight, 4, 3), (2, midnight, 1, 1)]


async def test_visitors_who_differ_in_nothing_but_the_address_are_counted_apart(database: Database) -> None:
    await write(database, new_batch([click(address=f"203.0.113.{n % 50}") for n in range(200)]))
    assert await rows_of(database, "SELECT clicks, visitors FROM click_totals") == [(200, 50)]
    assert await rows_of(database, "SELECT sum(visitors) FROM click_counts_15min") == [(50,)]


async def test_bots_are_no_visitors_and_take_no_visitors_place(database: Database) -> None:
    await write(database, new_batch([click(mark=1), click(mark=2), click(user_agent="curl/8")]))
    await write(database, new_batch([click(), click(user_agent="curl/8")]))
    assert await rows_of(database, "SELECT clicks, visitors, bots FROM click_totals") == [(1, 1, 4)]


async def test_the_same_client_is_another_hash_on_another_day(database: Database) -> None:
    await write(database, new_batch([click(1, NOW - timedelta(days=days)) for days in range(5)]))
    assert await rows_of(database, "SELECT count(DISTINCT visitor) FROM clicks") == [(5,)]


async def test_salts_and_visitors_are_forgotten_after_some_days(database: Database, ctx: dict[str, Any]) -> None:
    ages = [0, 1, SALT_DAYS, SALT_DAYS + 1, 30]
    await write(database, new_batch([click(1, NOW - timedelta(days=days)) for days in ages]))
    await delete_expired(ctx)
    kept = [(NOW - timedelta(days=days)).date() for days in reversed(ages) if days <= SALT_DAYS]
    assert [day for (day,) in await rows_of(database, "SELECT day FROM visitor_salts ORDER BY 1")] == kept
    assert [day for (day,) in await rows_of(database, "SELECT day FROM click_visitors ORDER BY 1")] == kept
    assert await number_of_rows(database) == len(ages)


async def test_a_click_that_comes_late_is_counted_after_its_day_was_forgotten(
    database: Database, ctx: dict[str, Any]
) -> None:
    writer, late = ClickWriter(), NOW - timedelta(days=SALT_DAYS + 3)
    await write(database, new_batch([click(1, late)]), writer=writer)
    [(hash_before,)] = await rows_of(database, "SELECT visitor FROM clicks")
    await delete_expired(ctx)
    assert await write(database, new_batch([click(1, late)]), writer=writer) == 1
    assert await number_of_rows(database) == 2
    assert len(await rows_of(database, "SELECT FROM clicks WHERE visitor = $1", hash_before)) == 1


async def test_the_ledger_is_kept_as_long_as_a_batch_can_come_again(database: Database, ctx: dict[str, Any]) -> None:
    await write(database, batch(), batch())
    old = timedelta(days=LEDGER_DAYS, seconds=1)
    await rows_of(
        database,
        "UPDATE click_batches SET written_at = now() - $1::interval WHERE id = (SELECT min(id) FROM click_batches)",
        old,
    )
    await delete_expired(ctx)
    assert await rows_of(database, "SELECT count(*) FROM click_batches") == [(1,)]
