"""Breakdowns by day and month: sums of those by hour, computed when the period is over, and read only while they are
complete.

The writer of clicks does not know them. Counts only grow, and each click is in each dimension once, so a sum is
complete exactly if it equals the sum of the daily counts, whatever was written meanwhile.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.clicks.bounds import OTHER
from shortener.clicks.models import DIMENSIONS
from shortener.clicks.partitions import next_month
from shortener.figures.spans import EPOCH, Grain, Span, whole_days

# With fewer clicks, reading by hour takes no longer.
MIN_CLICKS = 50
# Older days of a link are only read where a span cuts a month, or their month is incomplete, and then by hour. Those of
# a group are kept: it has more values, and links that join it change its past.
RECENT = timedelta(days=35)

# Sums of this dimension are compared, because it has the fewest values.
_DEVICES = DIMENSIONS["devices"].number
# Sums by quarter of the week in UTC, for days and months that have many clicks; counted from the epoch.
QUARTERS_OF_WEEK, QUARTERS_FROM = 101, 1_000
_COMPLETE_SQL = text("""
    WITH counted AS (
        SELECT start, date_trunc('month', start, 'UTC') AS month, clicks + bots AS n FROM click_counts_daily
        WHERE link_id = :link AND start >= :since AND start < :until
    ), months AS (
        SELECT month FROM counted WHERE month >= :since AND month < date_trunc('month', :until, 'UTC') GROUP BY month
        HAVING sum(n) = (
            SELECT sum(clicks + bots) FROM click_breakdown_monthly AS m
            WHERE m.link_id = :link AND m.start = counted.month AND dimension = :devices
        )
    )
    SELECT start, true, true, EXISTS (
        SELECT FROM click_breakdown_monthly AS m
        WHERE m.link_id = :link AND m.start = each.start AND dimension = :quarters
    ) FROM (SELECT month AS start FROM months) AS each
    UNION ALL
    SELECT start, false, is_outside, EXISTS (
        SELECT FROM click_breakdown_daily AS d
        WHERE d.link_id = :link AND d.start = each.start AND dimension = :quarters
    ) FROM (SELECT start, n, month, month NOT IN (SELECT month FROM months) AS is_outside FROM counted) AS each
    WHERE (is_outside OR month = ANY(CAST(:cut AS timestamptz[]))) AND n = (
        SELECT sum(clicks + bots) FROM click_breakdown_daily AS d
        WHERE d.link_id = :link AND d.start = each.start AND dimension = :devices
    )
    ORDER BY 1, 2
""").bindparams(devices=_DEVICES, quarters=QUARTERS_OF_WEEK)
# Periods whose sums are missing or no longer complete.
_DUE_SQL = """
    SELECT link_id, start, n FROM (
        SELECT link_id, date_trunc('{unit}', start, 'UTC') AS start, sum(clicks + bots) AS n
        FROM click_counts_daily WHERE link_id = ANY($1::bigint[]) AND start >= $2 AND start < $3 GROUP BY 1, 2
    ) AS counted
    WHERE n >= $4 AND (n IS DISTINCT FROM (
        SELECT sum(clicks + bots) FROM {table} AS present
        WHERE present.link_id = counted.link_id AND present.start = counted.start AND present.dimension = $5
    ) OR n >= {quarters_from} AND NOT EXISTS (
        SELECT FROM {table} AS present
        WHERE present.link_id = counted.link_id AND present.start = counted.start AND present.dimension = {quarters}
    ))
"""
# A value that was kept may be among the others now, so what is there goes first.
_CLEAR_SQL = """
    DELETE FROM {table} AS t USING ({due}) AS due WHERE t.link_id = due.link_id AND t.start = due.start
"""
_SUM_UP_SQL = f"""
    WITH due AS MATERIALIZED ({{due}})
    INSERT INTO {{table}} (link_id, start, dimension, value, clicks, bots)
    SELECT link_id, start, dimension,
        CASE WHEN place > $6 THEN '{OTHER}' ELSE value END, sum(clicks), sum(bots)
    FROM due
    CROSS JOIN LATERAL (
        SELECT dimension, value, sum(clicks) AS clicks, sum(bots) AS bots, row_number() OVER (
            PARTITION BY dimension ORDER BY value = '{OTHER}' DESC, sum(clicks + bots) DESC, value
        ) AS place
        FROM click_breakdown_hourly AS h WHERE h.link_id = due.link_id AND h.start >= due.start
            AND h.start < (due.start AT TIME ZONE 'UTC' + interval '1 {{unit}}') AT TIME ZONE 'UTC'
        GROUP BY 1, 2
    ) AS hours
    GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT due.link_id, due.start, {QUARTERS_OF_WEEK}, (date_part('epoch', q.start)::bigint / 900 % 672)::text,
        sum(clicks), sum(bots)
    FROM due JOIN click_counts_15min AS q ON q.link_id = due.link_id AND q.start >= due.start
        AND q.start < (due.start AT TIME ZONE 'UTC' + interval '1 {{unit}}') AT TIME ZONE 'UTC'
    WHERE n >= {QUARTERS_FROM} GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
"""


class _Width(NamedTuple):
    clear_sql: str
    sum_up_sql: str
    kept: int


def _width(unit: str, table: str, kept: int) -> _Width:
    due = _DUE_SQL.format(table=table, unit=unit, quarters=QUARTERS_OF_WEEK, quarters_from=QUARTERS_FROM)
    sum_up_sql = _SUM_UP_SQL.format(table=table, unit=unit, due=due)
    return _Width(_CLEAR_SQL.format(table=table, due=due), sum_up_sql, kept)


# Values of each dimension that are kept.
KEPT_A_DAY, KEPT_A_MONTH = 300, 300
_DAYS = _width("day", "click_breakdown_daily", KEPT_A_DAY)
_MONTHS = _width("month", "click_breakdown_monthly", KEPT_A_MONTH)
_LOCK_ID = 0x73756D75  # Any constant: one process at a time sums up.
_BUSY_SQL = """
    SELECT -id AS link_id FROM figure_groups WHERE -id > $1
    UNION ALL
    (SELECT link_id FROM click_totals WHERE link_id > $1 AND clicks + bots >= $2 ORDER BY link_id LIMIT $3)
    ORDER BY 1 LIMIT $3
"""


class Summed(NamedTuple):
    """UTC months with complete sums, and such days outside of these months; and those among them that have sums by
    quarter of the week, with days where a month must not be read as a whole. Both ascend."""

    spans: list[Span]
    with_quarters: list[Span]


async def complete_spans(
    session: AsyncSession, link_id: int, start: datetime, end: datetime, cuts: Sequence[datetime] = ()
) -> Summed:
    """The sums that can be read in [start, end). No moment of `cuts`, in UTC, lies within one with quarters."""
    since, until = whole_days(start, end)
    cut_months = {moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for moment in cuts} - set(cuts)
    parameters = {"link": link_id, "since": since, "until": until, "cut": sorted(cut_months)}
    summed = Summed([], [])
    for begin, is_month, is_counted, has_quarters in await session.execute(_COMPLETE_SQL, parameters):
        grain, end = (Grain.MONTH, next_month(begin)) if is_month else (Grain.DAY, begin + timedelta(days=1))
        span = Span(grain, begin, end)
        if is_counted:
            summed.spans.append(span)
        if has_quarters and not any(span.start < moment < span.end for moment in cuts):
            summed.with_quarters.append(span)
    return summed


async def sum_up(
    connection: asyncpg.Connection,
    link_ids: list[int],
    since: datetime,
    today: datetime,
    *,
    timeout_s: float | None = None,
) -> None:
    """Sum up the days of these links from `since` on, and all months, that were over before `today`, where sums are
    missing or no longer complete."""
    for width, begin, end in ((_DAYS, since, today), (_MONTHS, EPOCH, today.replace(day=1))):
        due = link_ids, begin, end, MIN_CLICKS, _DEVICES
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_ID)
            await connection.execute(width.clear_sql, *due, timeout=timeout_s)
            await connection.execute(width.sum_up_sql, *due, width.kept, timeout=timeout_s)


async def busy_links(connection: asyncpg.Connection, after: int, limit: int) -> list[int]:
    """The next ids of groups and links that may need summing up, in ascending order."""
    return [row["link_id"] for row in await connection.fetch(_BUSY_SQL, after, MIN_CLICKS, limit)]
