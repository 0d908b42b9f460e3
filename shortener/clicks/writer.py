"""Batches of clicks into Postgres: ledger, rows and counts in one transaction, so each batch counts exactly once.

Everything that several workers update is taken in sorted order, table by table, so that they never deadlock.
"""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import asyncpg

from shortener.clicks.enrich import EnrichedClick, days, enrich
from shortener.clicks.event import Batch
from shortener.clicks.partitions import ensure_partitions
from shortener.telemetry import CLICK_BATCHES_REPEATED, CLICKS_WRITTEN

# Numbers in the database: only ever add to them.
DIMENSIONS = {"referrers": 1, "countries": 2, "browsers": 3, "systems": 4, "devices": 5}

COLUMNS = (
    "link_id", "at", "visitor", "is_new_visitor", "bot", "country", "referrer_host", "referrer",
    "browser", "system", "device", "user_agent",
)  # fmt: skip

# PostgreSQL adds up what Python would take five times as long for. In the order of bytes: whatever the database's
# collation, all workers take the rows in the same order.
_VISITORS_SQL = """
    WITH seen AS (
        SELECT day, link_id, visitor, min(n) AS n
        FROM unnest($1::date[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS c (day, link_id, visitor, n)
        GROUP BY 1, 2, 3
    ), new AS (
        INSERT INTO click_visitors (day, link_id, visitor) SELECT day, link_id, visitor FROM seen ORDER BY 1, 2, 3
        ON CONFLICT DO NOTHING RETURNING day, link_id, visitor
    )
    SELECT array_agg(n) FROM new JOIN seen USING (day, link_id, visitor)
"""
_SERIES_SQL = """
    INSERT INTO {table} AS t (link_id, start, clicks, visitors, bots)
    SELECT link_id, start, count(*) FILTER (WHERE NOT is_bot), count(*) FILTER (WHERE is_new),
        count(*) FILTER (WHERE is_bot)
    FROM unnest($1::bigint[], $2::timestamptz[], $3::bool[], $4::bool[]) AS c (link_id, start, is_bot, is_new)
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (link_id, start) DO UPDATE SET clicks = t.clicks + excluded.clicks,
        visitors = t.visitors + excluded.visitors, bots = t.bots + excluded.bots
"""
_BREAKDOWN_SQL = """
    INSERT INTO {table} AS t (link_id, start, dimension, value, clicks, bots)
    SELECT link_id, start, dimension, value, count(*) FILTER (WHERE NOT is_bot), count(*) FILTER (WHERE is_bot)
    FROM unnest($1::bigint[], $2::timestamptz[], $3::bool[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
        AS c (link_id, start, is_bot, referrer, country, browser, system, device)
    CROSS JOIN LATERAL (VALUES (1, referrer), (2, country), (3, browser), (4, system), (5, device))
        AS v (dimension, value)
    GROUP BY 1, 2, 3, 4 ORDER BY link_id, start, dimension, value COLLATE "C"
    ON CONFLICT (link_id, start, dimension, value) DO UPDATE SET clicks = t.clicks + excluded.clicks,
        bots = t.bots + excluded.bots
"""
_TOTALS_SQL = """
    INSERT INTO click_totals AS t (link_id, clicks, visitors, bots)
    SELECT link_id, count(*) FILTER (WHERE NOT is_bot), count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE is_bot)
    FROM unnest($1::bigint[], $2::bool[], $3::bool[]) AS c (link_id, is_bot, is_new) GROUP BY 1 ORDER BY 1
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
        enriched = {}
        for batch in batches:
            enriched[batch.id] = enrich(batch.clicks, salts, now)
            # It takes most of the processor's time, in which another round's statements would wait for each other.
            await asyncio.sleep(0)
        async with connection.transaction():
            fresh = await _enter_in_ledger(connection, enriched)
            clicks = [click for batch_id in fresh for click in enriched[batch_id]]
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


async def _enter_in_ledger(connection: asyncpg.Connection, ids: Iterable[bytes]) -> list[bytes]:
    """Those that were not in the ledger. A worker that is writing the same one is waited for."""
    rows = await connection.fetch(
        "INSERT INTO click_batches (id) SELECT unnest($1::bytea[]) ON CONFLICT DO NOTHING RETURNING id", sorted(ids)
    )
    return [row["id"] for row in rows]


async def _mark_new_visitors(connection: asyncpg.Connection, clicks: Iterable[EnrichedClick]) -> None:
    """A visitor counts at the first click of the UTC day, so that visitors of any span are a plain sum."""
    people = [click for click in clicks if click.bot is None]
    if not people:
        return
    keys = [c.at.date() for c in people], [c.link_id for c in people], [c.visitor for c in people]
    for n in await connection.fetchval(_VISITORS_SQL, *keys) or ():
        people[n - 1].is_new_visitor = True


async def _copy(connection: asyncpg.Connection, clicks: Iterable[EnrichedClick]) -> None:
    records = [
        (
            c.link_id, c.at, c.visitor, c.is_new_visitor, c.bot, c.country, c.referrer_host, c.referrer,
            c.browser, c.system, c.device, c.user_agent,
        )
        for c in clicks
    ]  # fmt: skip
    await connection.copy_records_to_table("clicks", records=records, columns=COLUMNS)


async def _count(connection: asyncpg.Connection, clicks: list[EnrichedClick]) -> None:
    if not clicks:
        return
    links = [c.link_id for c in clicks]
    is_bot = [c.bot is not None for c in clicks]
    is_new = [c.is_new_visitor for c in clicks]
    quarters = [c.at.replace(minute=c.at.minute // 15 * 15, second=0, microsecond=0) for c in clicks]
    hours = [quarter.replace(minute=0) for quarter in quarters]
    days = [hour.replace(hour=0) for hour in hours]
    values = (
        [c.referrer_host for c in clicks],
        [c.country for c in clicks],
        [c.browser for c in clicks],
        [c.system for c in clicks],
        [c.device for c in clicks],
    )
    for sql, *columns in (
        (_SERIES_SQL.format(table="click_counts_15min"), links, quarters, is_bot, is_new),
        (_SERIES_SQL.format(table="click_counts_daily"), links, days, is_bot, is_new),
        (_BREAKDOWN_SQL.format(table="click_breakdown_hourly"), links, hours, is_bot, *values),
        (_BREAKDOWN_SQL.format(table="click_breakdown_daily"), links, days, is_bot, *values),
        (_TOTALS_SQL, links, is_bot, is_new),
    ):
        await connection.execute(sql, *columns)
