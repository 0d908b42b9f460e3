"""Breakdowns by month: sums of those by day, made once a month is over, and read only while they are complete.

Nobody who writes clicks knows of them. Counts only ever grow, and each click is in each dimension once; so a month is
complete exactly when its sum equals that of the counts of days, whoever has written what in the meantime.
"""

from datetime import datetime

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# Reading fewer clicks by day takes no longer.
MIN_CLICKS = 50

# By devices, which have the fewest values.
_COMPLETE_SQL = text("""
    SELECT start FROM (
        SELECT date_trunc('month', start, 'UTC') AS start, sum(clicks + bots) AS n
        FROM click_counts_daily WHERE link_id = :link AND start >= :since AND start < :until GROUP BY 1
    ) AS days JOIN (
        SELECT start, sum(clicks + bots) AS n FROM click_breakdown_monthly
        WHERE link_id = :link AND start >= :since AND start < :until AND dimension = 5 GROUP BY 1
    ) AS months USING (start, n)
""")
# Of two that sum up the same month at once, the later snapshot wins whoever comes first.
_SUM_UP_SQL = """
    INSERT INTO click_breakdown_monthly AS t (link_id, start, dimension, value, clicks, bots)
    SELECT link_id, month.start, dimension, value, day.clicks, day.bots
    FROM (
        SELECT link_id, date_trunc('month', start, 'UTC') AS start, sum(clicks + bots) AS n
        FROM click_counts_daily WHERE link_id = ANY($1::bigint[]) AND start < $2 GROUP BY 1, 2
    ) AS month LEFT JOIN (
        SELECT link_id, start, sum(clicks + bots) AS n FROM click_breakdown_monthly
        WHERE link_id = ANY($1::bigint[]) AND dimension = 5 GROUP BY 1, 2
    ) AS present USING (link_id, start)
    CROSS JOIN LATERAL (
        SELECT dimension, value, sum(clicks) AS clicks, sum(bots) AS bots FROM click_breakdown_daily AS d
        WHERE d.link_id = month.link_id AND d.start >= month.start
            AND d.start < (month.start AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'
        GROUP BY 1, 2
    ) AS day
    WHERE month.n >= $3 AND present.n IS DISTINCT FROM month.n
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (link_id, start, dimension, value) DO UPDATE
        SET clicks = greatest(t.clicks, excluded.clicks), bots = greatest(t.bots, excluded.bots)
"""
_BUSY_SQL = """
    SELECT link_id FROM click_totals WHERE link_id > $1 AND clicks + bots >= $2 ORDER BY link_id LIMIT $3
"""


async def complete_months(session: AsyncSession, link_id: int, since: datetime, until: datetime) -> set[datetime]:
    """Beginnings of the months in [since, until) whose breakdown is complete."""
    rows = await session.execute(_COMPLETE_SQL, {"link": link_id, "since": since, "until": until})
    return set(rows.scalars())


async def sum_up(
    connection: asyncpg.Connection, link_ids: list[int], before: datetime, *, timeout_s: float | None = None
) -> None:
    """Sum up the months of these links that lie before this one, where that is missing or no longer complete."""
    await connection.execute(_SUM_UP_SQL, link_ids, before, MIN_CLICKS, timeout=timeout_s)


async def busy_links(connection: asyncpg.Connection, after: int, limit: int) -> list[int]:
    """The next ids of links that may have a month to sum up, in ascending order."""
    return [row["link_id"] for row in await connection.fetch(_BUSY_SQL, after, MIN_CLICKS, limit)]
