"""Batches of clicks into Postgres: ledger, rows and counts in one transaction, so each batch counts exactly once.

Everything that several workers update is taken in sorted order, table by table, so that they never deadlock. Of the
breakdowns of a link and day only that worker has rows that has the row of the day: their own order is for the index.
Breakdowns of days and months are made of those of hours, by `rollups`.
"""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import asyncpg

from shortener.clicks.enrich import EnrichedClick, days, enrich
from shortener.clicks.event import Batch
from shortener.clicks.metrics import CLICK_BATCHES_REPEATED, CLICKS_WRITTEN
from shortener.clicks.partitions import ensure_partitions
from shortener.clicks.tally import Columns, Rows, Tally, Visit
from shortener.event_loop.slices import gathered

COLUMNS = (
    "link_id", "at", "visitor", "is_new_visitor", "bot", "country", "referrer_host", "referrer",
    "browser", "system", "device", "user_agent",
)  # fmt: skip

_VISITORS_SQL = """
    WITH new AS (
        INSERT INTO click_visitors (link_id, visitor, day)
        SELECT link_id, visitor, date '1970-01-01' + day
        FROM unnest($1::text::bigint[], $2::text::bigint[], $3::text::int[]) AS c (link_id, visitor, day)
        ORDER BY 1, 2, 3
        ON CONFLICT DO NOTHING RETURNING link_id, visitor, day - date '1970-01-01' AS day
    )
    SELECT array_agg(link_id), array_agg(visitor), array_agg(day) FROM new
"""
_SERIES_SQL = """
    INSERT INTO {table} AS t (link_id, start, clicks, visitors, bots)
    SELECT link_id, to_timestamp(quarter / {quarters} * {quarters} * 900), sum(clicks), sum(visitors), sum(bots)
    FROM unnest($1::text::bigint[], $2::text::bigint[], $3::text::int[], $4::text::int[], $5::text::int[])
        AS c (link_id, quarter, clicks, visitors, bots)
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (link_id, start) DO UPDATE SET clicks = t.clicks + excluded.clicks,
        visitors = t.visitors + excluded.visitors, bots = t.bots + excluded.bots
"""
_QUARTERS_SQL = _SERIES_SQL.format(table="click_counts_15min", quarters=1)
_DAYS_SQL = _SERIES_SQL.format(table="click_counts_daily", quarters=96)
_TOTALS_SQL = """
    INSERT INTO click_totals AS t (link_id, clicks, visitors, bots)
    SELECT link_id, sum(clicks), sum(visitors), sum(bots)
    FROM unnest($1::text::bigint[], $2::text::bigint[], $3::text::int[], $4::text::int[], $5::text::int[])
        AS c (link_id, quarter, clicks, visitors, bots)
    GROUP BY 1 ORDER BY 1
    ON CONFLICT (link_id) DO UPDATE SET clicks = t.clicks + excluded.clicks,
        visitors = t.visitors + excluded.visitors, bots = t.bots + excluded.bots
"""
_BREAKDOWN_SQL = """
    INSERT INTO click_breakdown_hourly AS t (link_id, start, dimension, value, clicks, bots)
    SELECT link_id, to_timestamp(hour * 3600), dimension, value, clicks, bots
    FROM unnest(
        $1::text::bigint[], $2::text::bigint[], $3::text::smallint[], $4::text[], $5::text::int[], $6::text::int[]
    ) AS c (link_id, hour, dimension, value, clicks, bots)
    ON CONFLICT (link_id, start, dimension, value) DO UPDATE SET clicks = t.clicks + excluded.clicks,
        bots = t.bots + excluded.bots
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
        enriched: dict[bytes, list[EnrichedClick]] = {}
        tally = Tally()
        for batch in batches:
            if batch.id not in enriched:
                # It takes most of the processor's time, in which redirects and another round's statements would wait.
                enriched[batch.id] = await gathered(enrich(batch.clicks, salts, now))
                tally.add(enriched[batch.id])
            await asyncio.sleep(0)
        rows = tally.rows()
        async with connection.transaction():
            fresh = await _enter_in_ledger(connection, enriched)
            if len(fresh) < len(enriched):
                tally = Tally()
                tally.add([click for batch_id in fresh for click in enriched[batch_id]])
                rows = tally.rows()
            if tally:
                await _store(connection, tally, rows)
        CLICKS_WRITTEN.inc(len(tally))
        CLICK_BATCHES_REPEATED.inc(len(batches) - len(fresh))
        return len(tally)

    async def _prepare(self, connection: asyncpg.Connection, wanted: set[date], today: date) -> dict[date, bytes]:
        """Salts of these days, whose partitions exist. An older day's may have been deleted: it is asked for again."""
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


async def _store(connection: asyncpg.Connection, tally: Tally, rows: Rows) -> None:
    if rows.visits:
        tally.mark_new(await _enter_visits(connection, rows.visits))
    await _copy(connection, rows.clicks)
    series = tally.series()
    await connection.execute(_QUARTERS_SQL, *series)
    await connection.execute(_DAYS_SQL, *series)
    await connection.execute(_TOTALS_SQL, *series)
    await connection.execute(_BREAKDOWN_SQL, *rows.breakdown)


async def _enter_visits(connection: asyncpg.Connection, visits: Columns) -> Iterable[Visit]:
    """Those that were not there. A visitor counts at the first click of the UTC day, so that visitors of any span are a
    plain sum."""
    new = await connection.fetchrow(_VISITORS_SQL, *visits)
    assert new is not None
    return zip(*(column or () for column in new), strict=True)


async def _copy(connection: asyncpg.Connection, clicks: Iterable[EnrichedClick]) -> None:
    # Not a list: it is encoded while the database takes what was sent before.
    records = (
        (
            c.link_id, c.at, c.visitor, c.is_new_visitor, c.bot, c.country, c.referrer_host, c.referrer,
            c.browser, c.system, c.device, c.user_agent,
        )
        for c in clicks
    )  # fmt: skip
    await connection.copy_records_to_table("clicks", records=records, columns=COLUMNS)
