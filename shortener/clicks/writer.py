"""Writes batches of clicks to PostgreSQL: ledger, rows and counts in one transaction, so that each batch counts exactly
once.

Rows that several workers update are locked in sorted order, table by table, so that they never deadlock. Breakdown rows
of a link and day are only updated by the worker that holds the day's row; their order only helps the index.
`figures/rollups.py` computes breakdowns of days and months from those of hours.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import asyncpg

from shortener.clicks.bounds import KEPT, fold_rows
from shortener.clicks.enrich import EnrichedClick, days, enrich
from shortener.clicks.event import Batch
from shortener.clicks.metrics import CLICK_BATCHES_REPEATED, CLICKS_WRITTEN
from shortener.clicks.partitions import ensure_partitions
from shortener.clicks.tally import Columns, Rows, Tally, Visit
from shortener.event_loop.slices import gathered
from shortener.places.locator import Locate, built_in

Written = Callable[[Sequence[EnrichedClick]], None]

COLUMNS = (
    "link_id", "at", "visitor", "is_new_visitor", "bot", "country", "referrer_host", "referrer",
    "browser", "system", "device", "user_agent", "rule", "variant", "city", "language",
    "utm_source", "utm_medium", "utm_campaign", "source",
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
_SUMS_SQL = """
    SELECT link_id, to_timestamp(quarter / {quarters} * {quarters} * 900) AS start, sum(clicks) AS clicks,
        sum(visitors) AS visitors, sum(bots) AS bots
    FROM unnest($1::text::bigint[], $2::text::bigint[], $3::text::int[], $4::text::int[], $5::text::int[])
        AS c (link_id, quarter, clicks, visitors, bots)
    GROUP BY 1, 2 ORDER BY 1, 2
"""
_ADD_SQL = """
    INSERT INTO {table} AS t (link_id, start, clicks, visitors, bots) {sums}
    ON CONFLICT (link_id, start) DO UPDATE SET clicks = t.clicks + excluded.clicks,
        visitors = t.visitors + excluded.visitors, bots = t.bots + excluded.bots
"""
_QUARTERS_SQL = _ADD_SQL.format(table="click_counts_15min", sums=_SUMS_SQL.format(quarters=1))
# And the links with enough clicks since their last return that values may have to be folded.
_DAYS_SQL = f"""
    WITH added AS ({_SUMS_SQL.format(quarters=96)}),
    counted AS ({_ADD_SQL.format(table="click_counts_daily", sums="SELECT * FROM added")}
        RETURNING link_id, start, clicks + bots AS n)
    SELECT array_agg(DISTINCT link_id) FROM counted JOIN added USING (link_id, start)
    WHERE n / {KEPT} > (n - added.clicks - added.bots) / {KEPT}
"""
# Numbers of people's clicks at which a link's people are notified.
MARKS = (1, *(10**n for n in range(2, 16)))
# And a note of each link that has reached a mark.
_TOTALS_SQL = f"""
    WITH added AS (
        SELECT link_id, sum(clicks) AS clicks, sum(visitors) AS visitors, sum(bots) AS bots
        FROM unnest($1::text::bigint[], $2::text::bigint[], $3::text::int[], $4::text::int[], $5::text::int[])
            AS c (link_id, quarter, clicks, visitors, bots)
        GROUP BY 1 ORDER BY 1
    ), counted AS (
        INSERT INTO click_totals AS t (link_id, clicks, visitors, bots) SELECT * FROM added
        ON CONFLICT (link_id) DO UPDATE SET clicks = t.clicks + excluded.clicks,
            visitors = t.visitors + excluded.visitors, bots = t.bots + excluded.bots
        RETURNING link_id, clicks
    ), reached AS (
        SELECT link_id, width_bucket(counted.clicks, marks) AS after,
            width_bucket(counted.clicks - added.clicks::bigint, marks) AS before
        FROM counted JOIN added USING (link_id), (SELECT ARRAY{list(MARKS)}::bigint[] AS marks) AS m
    )
    INSERT INTO link_news (link_id, kind, key, clicks)
    SELECT link_id, CASE after WHEN 1 THEN 'first_click' ELSE 'clicks' END, 'clicks:' || link_id || ':' || after,
        (ARRAY{list(MARKS)}::bigint[])[after]
    FROM reached WHERE after > before
"""
# Whoever follows a link with a limit was granted the click before.
_USED_UP_SQL = """
    INSERT INTO link_news (link_id, kind, key)
    SELECT links.id, 'used_up', 'used_up:' || links.id || ':' || links.max_clicks
    FROM links JOIN click_limits ON click_limits.link_id = links.id
    WHERE links.id = ANY($1::bigint[]) AND click_limits.used >= links.max_clicks
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
_ROUND_SQL = """
    INSERT INTO click_rounds (links, quarters, clicks, visitors, bots,
        value_links, value_hours, value_dimensions, value_texts, value_clicks, value_bots)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
# Whoever sets a limit locks the total first, so the row is either there by now, or holds these clicks already.
_LIMITS_SQL = """
    UPDATE click_limits AS l SET used = l.used + c.clicks
    FROM unnest($1::text::bigint[], $2::text::bigint[]) AS c (link_id, clicks) WHERE l.link_id = c.link_id
"""


class ClickWriter:
    """Writes batches, and calls `written` with the clicks that are committed. Caches the salts of days that are not
    deleted yet, and that these days have partitions."""

    def __init__(self, locate: Locate = built_in, written: Written = lambda _: None) -> None:
        self._locate = locate
        self._written = written
        self._recent: dict[date, bytes] = {}

    async def write(self, connection: asyncpg.Connection, batches: Sequence[Batch]) -> int:
        """Count these batches, except those that are counted already; returns the number of clicks written.

        Raises asyncpg's errors; then nothing is written.
        """
        now = datetime.now(UTC)
        salts = await self._prepare(connection, days((c for b in batches for c in b.clicks), now), now.date())
        enriched: dict[bytes, list[EnrichedClick]] = {}
        tally = Tally()
        for batch in batches:
            if batch.id not in enriched:
                # In a thread, because it takes most of the processor time, during which redirects and another round's
                # statements would wait.
                enriched[batch.id] = await gathered(enrich(batch.clicks, salts, now, self._locate))
                tally.add(enriched[batch.id])
            await asyncio.sleep(0)
        rows = tally.rows()
        async with connection.transaction():
            fresh = await enter_in_ledger(connection, enriched)
            if len(fresh) < len(enriched):
                tally = Tally()
                tally.add([click for batch_id in fresh for click in enriched[batch_id]])
                rows = tally.rows()
            if tally:
                await _store(connection, tally, rows)
        CLICKS_WRITTEN.inc(len(tally))
        CLICK_BATCHES_REPEATED.inc(len(batches) - len(fresh))
        if tally:
            self._written(rows.clicks)
        return len(tally)

    async def _prepare(self, connection: asyncpg.Connection, wanted: set[date], today: date) -> dict[date, bytes]:
        """Salts of these days, whose partitions then exist. An older day's salt may have been deleted, so it is read
        again."""
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


async def enter_in_ledger(connection: asyncpg.Connection, ids: Iterable[bytes]) -> list[bytes]:
    """The batches that were not in the ledger. Waits for a worker that is writing the same batch."""
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
    grown = await connection.fetchval(_DAYS_SQL, *series)
    await connection.execute(_TOTALS_SQL, *series)
    if uncharged := tally.uncharged():
        await connection.execute(_LIMITS_SQL, *uncharged)
    if charged := tally.charged():
        await connection.execute(_USED_UP_SQL, charged)
    await connection.execute(_BREAKDOWN_SQL, *rows.breakdown)
    await connection.execute(_ROUND_SQL, *series, *rows.breakdown)
    if grown:
        await fold_rows(connection, tally.hours(set(grown)))


async def _enter_visits(connection: asyncpg.Connection, visits: Columns) -> Iterable[Visit]:
    """The visits that are new. A visitor counts at the first click of the UTC day, so that the visitors of a span are a
    plain sum."""
    new = await connection.fetchrow(_VISITORS_SQL, *visits)
    assert new is not None
    return zip(*(column or () for column in new), strict=True)


async def _copy(connection: asyncpg.Connection, clicks: Iterable[EnrichedClick]) -> None:
    # A generator, so that rows are encoded while the database receives the previous ones.
    records = (
        (
            c.link_id, c.at, c.visitor, c.is_new_visitor, c.bot, c.country, c.referrer_host, c.referrer,
            c.browser, c.system, c.device, c.user_agent, c.rule, c.variant, c.city, c.language,
            c.utm_source, c.utm_medium, c.utm_campaign, c.source,
        )
        for c in clicks
    )  # fmt: skip
    await connection.copy_records_to_table("clicks", records=records, columns=COLUMNS)
