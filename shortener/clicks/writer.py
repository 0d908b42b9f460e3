"""Batches of clicks into Postgres: ledger, rows and counts in one transaction, so each batch counts exactly once.

Everything that several workers update is taken in sorted order, table by table, so that they never deadlock.
"""

import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg

from shortener.clicks.enrich import EnrichedClick, days, enrich
from shortener.clicks.event import Batch
from shortener.clicks.partitions import ensure_partitions
from shortener.telemetry import CLICK_BATCHES_REPEATED, CLICKS_WRITTEN

# Numbers in the database: only ever add to them.
DIMENSIONS = {"referrers": 1, "countries": 2, "browsers": 3, "systems": 4, "devices": 5}

_COLUMNS = (
    "link_id", "at", "visitor", "is_new_visitor", "bot", "country", "referrer_host", "referrer",
    "browser", "system", "device", "user_agent",
)  # fmt: skip

_SERIES_SQL = """
    INSERT INTO {table} AS t (link_id, start, clicks, visitors, bots)
    SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::int[], $4::int[], $5::int[])
    ON CONFLICT (link_id, start) DO UPDATE SET clicks = t.clicks + excluded.clicks,
        visitors = t.visitors + excluded.visitors, bots = t.bots + excluded.bots
"""
_BREAKDOWN_SQL = """
    INSERT INTO {table} AS t (link_id, start, dimension, value, clicks, bots)
    SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::smallint[], $4::text[], $5::int[], $6::int[])
    ON CONFLICT (link_id, start, dimension, value) DO UPDATE SET clicks = t.clicks + excluded.clicks,
        bots = t.bots + excluded.bots
"""
_TOTALS_SQL = """
    INSERT INTO click_totals AS t (link_id, clicks, visitors, bots)
    SELECT * FROM unnest($1::bigint[], $2::int[], $3::int[], $4::int[])
    ON CONFLICT (link_id) DO UPDATE SET clicks = t.clicks + excluded.clicks,
        visitors = t.visitors + excluded.visitors, bots = t.bots + excluded.bots
"""


class ClickWriter:
    """Writes batches; remembers the salts of the days that upkeep leaves alone, and that they have partitions."""

    def __init__(self) -> None:
        self._recent: dict[date, bytes] = {}

    async def write(self, connection: asyncpg.Connection, batches: Sequence[Batch]) -> int:
        """Count these batches, except those that are counted already; returns the number of clicks written.

        Raises asyncpg's errors, and then nothing of it is written.
        """
        now = datetime.now(UTC)
        salts = await self._prepare(connection, days((c for b in batches for c in b.clicks), now), now.date())
        async with connection.transaction():
            fresh = await _enter_in_ledger(connection, batches)
            clicks = enrich((click for batch in fresh for click in batch.clicks), salts, now)
            await _mark_new_visitors(connection, clicks)
            await _copy(connection, clicks)
            await _count(connection, clicks)
        CLICKS_WRITTEN.inc(len(clicks))
        CLICK_BATCHES_REPEATED.inc(len(batches) - len(fresh))
        return len(clicks)

    async def _prepare(self, connection: asyncpg.Connection, wanted: set[date], today: date) -> dict[date, bytes]:
        """Salts of these days, whose partitions exist. An older day's may have been deleted: it is asked for anew."""
        yesterday = today - timedelta(days=1)
        salts = {day: salt for day, salt in self._recent.items() if day >= yesterday}
        unknown = wanted - salts.keys()
        if unknown:
            await ensure_partitions(connection, unknown)
            salts |= await _salts(connection, unknown)
        self._recent = {day: salt for day, salt in salts.items() if day >= yesterday}
        return salts


async def _salts(connection: asyncpg.Connection, wanted: set[date]) -> dict[date, bytes]:
    ordered = sorted(wanted)
    await connection.execute(
        "INSERT INTO visitor_salts (day, salt) SELECT * FROM unnest($1::date[], $2::bytea[]) ON CONFLICT DO NOTHING",
        ordered,
        [secrets.token_bytes(32) for _ in ordered],
    )
    rows = await connection.fetch("SELECT day, salt FROM visitor_salts WHERE day = ANY($1::date[])", ordered)
    return {row["day"]: row["salt"] for row in rows}


async def _enter_in_ledger(connection: asyncpg.Connection, batches: Sequence[Batch]) -> list[Batch]:
    """The batches that were not in the ledger. A worker that is writing the same one is waited for."""
    by_id = {batch.id: batch for batch in batches}
    rows = await connection.fetch(
        "INSERT INTO click_batches (id) SELECT unnest($1::bytea[]) ON CONFLICT DO NOTHING RETURNING id", sorted(by_id)
    )
    return [by_id[row["id"]] for row in rows]


async def _mark_new_visitors(connection: asyncpg.Connection, clicks: Iterable[EnrichedClick]) -> None:
    """A visitor counts at the first click of the UTC day, so that visitors of any span are a plain sum."""
    people = [click for click in clicks if click.bot is None]
    keys = sorted({(c.at.date(), c.link_id, c.visitor) for c in people})
    if not keys:
        return
    rows = await connection.fetch(
        "INSERT INTO click_visitors (day, link_id, visitor) "
        "SELECT * FROM unnest($1::date[], $2::bigint[], $3::bigint[]) ON CONFLICT DO NOTHING "
        "RETURNING day, link_id, visitor",
        *map(list, zip(*keys, strict=True)),
    )
    new = {tuple(row) for row in rows}
    for click in people:
        key = (click.at.date(), click.link_id, click.visitor)
        if key in new:
            new.discard(key)
            click.is_new_visitor = True


async def _copy(connection: asyncpg.Connection, clicks: Iterable[EnrichedClick]) -> None:
    records = [
        (
            c.link_id, c.at, c.visitor, c.is_new_visitor, c.bot, c.country, c.referrer_host, c.referrer,
            c.browser, c.system, c.device, c.user_agent,
        )
        for c in clicks
    ]  # fmt: skip
    await connection.copy_records_to_table("clicks", records=records, columns=_COLUMNS)


async def _count(connection: asyncpg.Connection, clicks: Iterable[EnrichedClick]) -> None:
    # Gathered by the finest span first: a day and a total are sums of it.
    quarters: dict[tuple[int, datetime], list[int]] = defaultdict(lambda: [0, 0, 0])
    hours: dict[tuple[int, datetime, int, str], list[int]] = defaultdict(lambda: [0, 0])
    for (link_id, quarter, is_bot, is_new, *values), n in Counter(map(_key, clicks)).items():
        counts = quarters[link_id, quarter]
        counts[2 if is_bot else 0] += n
        counts[1] += n if is_new else 0
        hour = quarter.replace(minute=0)
        for dimension, value in zip(DIMENSIONS.values(), values, strict=True):
            hours[link_id, hour, dimension, value][1 if is_bot else 0] += n

    daily = _sums(((link_id, _day(start)), n) for (link_id, start), n in quarters.items())
    daily_values = _sums(((link_id, _day(start), *rest), n) for (link_id, start, *rest), n in hours.items())
    totals = _sums(((link_id,), n) for (link_id, _), n in quarters.items())
    await _upsert(connection, _SERIES_SQL.format(table="click_counts_15min"), quarters)
    await _upsert(connection, _SERIES_SQL.format(table="click_counts_daily"), daily)
    await _upsert(connection, _BREAKDOWN_SQL.format(table="click_breakdown_hourly"), hours)
    await _upsert(connection, _BREAKDOWN_SQL.format(table="click_breakdown_daily"), daily_values)
    await _upsert(connection, _TOTALS_SQL, totals)


def _key(c: EnrichedClick) -> tuple[Any, ...]:
    quarter = c.at.replace(minute=c.at.minute // 15 * 15, second=0, microsecond=0)
    is_bot = c.bot is not None
    return (c.link_id, quarter, is_bot, c.is_new_visitor, c.referrer_host, c.country, c.browser, c.system, c.device)


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0)


def _sums(items: Iterable[tuple[Any, list[int]]]) -> dict[Any, list[int]]:
    sums: dict[Any, list[int]] = {}
    for key, counts in items:
        present = sums.get(key)
        sums[key] = counts if present is None else [a + b for a, b in zip(present, counts, strict=True)]
    return sums


async def _upsert(connection: asyncpg.Connection, sql: str, counts: dict[Any, list[int]]) -> None:
    if counts:
        rows = [(*key, *values) for key, values in sorted(counts.items())]
        await connection.execute(sql, *map(list, zip(*rows, strict=True)))
