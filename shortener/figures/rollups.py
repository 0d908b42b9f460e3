"""Breakdowns by day and by month: sums of those by hour, made once the time is over, read only while they are complete.

Nobody who writes clicks knows of them. Counts only ever grow, and each click is in each dimension once; so a sum is
complete exactly when it equals that of the counts of days, whoever has written what in the meantime.
"""

from datetime import datetime, timedelta

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.clicks.models import DIMENSIONS
from shortener.clicks.partitions import next_month
from shortener.figures.spans import EPOCH, Grain, Span, whole_days

# Reading fewer clicks by hour takes no longer.
MIN_CLICKS = 50
# Older days are read where a span cuts a month, or their month is not complete: by hour, then.
RECENT = timedelta(days=35)

# By these a sum is compared: they have the fewest values.
_DEVICES = DIMENSIONS["devices"].number
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
    SELECT 'month', month FROM months
    UNION ALL
    SELECT 'day', start FROM counted WHERE month NOT IN (SELECT month FROM months) AND n = (
        SELECT sum(clicks + bots) FROM click_breakdown_daily AS d
        WHERE d.link_id = :link AND d.start = counted.start AND dimension = :devices
    )
    ORDER BY 2
""").bindparams(devices=_DEVICES)
# Of two that sum up the same time at once, the later snapshot wins whoever comes first.
_SUM_UP_SQL = """
    INSERT INTO {table} AS t (link_id, start, dimension, value, clicks, bots)
    SELECT link_id, counted.start, dimension, value, hours.clicks, hours.bots
    FROM (
        SELECT link_id, date_trunc('{unit}', start, 'UTC') AS start, sum(clicks + bots) AS n
        FROM click_counts_daily WHERE link_id = ANY($1::bigint[]) AND start >= $2 AND start < $3 GROUP BY 1, 2
    ) AS counted
    CROSS JOIN LATERAL (
        SELECT dimension, value, sum(clicks) AS clicks, sum(bots) AS bots FROM click_breakdown_hourly AS h
        WHERE h.link_id = counted.link_id AND h.start >= counted.start
            AND h.start < (counted.start AT TIME ZONE 'UTC' + interval '1 {unit}') AT TIME ZONE 'UTC'
        GROUP BY 1, 2
    ) AS hours
    WHERE counted.n >= $4 AND counted.n IS DISTINCT FROM (
        SELECT sum(clicks + bots) FROM {table} AS present
        WHERE present.link_id = counted.link_id AND present.start = counted.start AND present.dimension = $5
    )
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (link_id, start, dimension, value) DO UPDATE
        SET clicks = greatest(t.clicks, excluded.clicks), bots = greatest(t.bots, excluded.bots)
"""
_DAYS_SQL = _SUM_UP_SQL.format(table="click_breakdown_daily", unit="day")
_MONTHS_SQL = _SUM_UP_SQL.format(table="click_breakdown_monthly", unit="month")
_BUSY_SQL = """
    SELECT link_id FROM click_totals WHERE link_id > $1 AND clicks + bots >= $2 ORDER BY link_id LIMIT $3
"""


async def complete_spans(session: AsyncSession, link_id: int, start: datetime, end: datetime) -> list[Span]:
    """The UTC months in [start, end) whose breakdown is complete, and such days outside them, in ascending order."""
    since, until = whole_days(start, end)
    rows = await session.execute(_COMPLETE_SQL, {"link": link_id, "since": since, "until": until})
    return [
        Span(Grain.MONTH, start, next_month(start))
        if grain == "month"
        else Span(Grain.DAY, start, start + timedelta(days=1))
        for grain, start in rows
    ]


async def sum_up(
    connection: asyncpg.Connection,
    link_ids: list[int],
    since: datetime,
    today: datetime,
    *,
    timeout_s: float | None = None,
) -> None:
    """Sum up the days of these links from `since` on, and all months, that were over when `today` began, where that is
    missing or no longer complete."""
    await connection.execute(_DAYS_SQL, link_ids, since, today, MIN_CLICKS, _DEVICES, timeout=timeout_s)
    month = today.replace(day=1)
    await connection.execute(_MONTHS_SQL, link_ids, EPOCH, month, MIN_CLICKS, _DEVICES, timeout=timeout_s)


async def busy_links(connection: asyncpg.Connection, after: int, limit: int) -> list[int]:
    """The next ids of links that may have something to sum up, in ascending order."""
    return [row["link_id"] for row in await connection.fetch(_BUSY_SQL, after, MIN_CLICKS, limit)]
