"""What is in the database, compared with what was answered."""

import asyncio
import time
from collections.abc import Collection
from typing import NamedTuple

import asyncpg

from tests.chaos.load import REFERRER, Load
from tests.chaos.site import Site

SETTLED_WITHIN_S = 240.0

# Links and hours whose clicks are not what one of the tables of counts says.
_WRONG_SUMS = """
    WITH rows AS (
        SELECT link_id, date_trunc('hour', at, 'UTC') AS hour, count(*) AS n,
               count(*) FILTER (WHERE bot IS NULL) AS people,
               count(*) FILTER (WHERE is_new_visitor) AS visitors
        FROM clicks WHERE link_id = ANY($1) GROUP BY 1, 2
    ), days AS (
        SELECT link_id, date_trunc('day', hour, 'UTC') AS day, sum(n) AS n, sum(people) AS people,
               sum(visitors) AS visitors FROM rows GROUP BY 1, 2
    ), totals AS (
        SELECT link_id, sum(n) AS n, sum(people) AS people, sum(visitors) AS visitors FROM rows GROUP BY 1
    ), by_hour AS (
        SELECT link_id, date_trunc('hour', start, 'UTC') AS hour, sum(clicks + bots) AS n, sum(clicks) AS people,
               sum(visitors) AS visitors
        FROM click_counts_15min WHERE link_id = ANY($1) GROUP BY 1, 2
    ), values_by_hour AS (
        SELECT link_id, start AS hour, dimension, sum(clicks + bots) AS n
        FROM click_breakdown_hourly WHERE link_id = ANY($1) GROUP BY 1, 2, 3
    ), values_by_day AS (
        SELECT link_id, start AS day, dimension, sum(clicks + bots) AS n
        FROM click_breakdown_daily WHERE link_id = ANY($1) GROUP BY 1, 2, 3
    )
    SELECT
        (SELECT count(*) FROM rows FULL JOIN by_hour b USING (link_id, hour)
            WHERE (rows.n, rows.people, rows.visitors) IS DISTINCT FROM (b.n, b.people, b.visitors))
      + (SELECT count(*) FROM days FULL JOIN (SELECT * FROM click_counts_daily WHERE link_id = ANY($1)) d
            ON d.link_id = days.link_id AND d.start = days.day
            WHERE (days.n, days.people, days.visitors) IS DISTINCT FROM (d.clicks + d.bots, d.clicks, d.visitors))
      + (SELECT count(*) FROM totals FULL JOIN (SELECT * FROM click_totals WHERE link_id = ANY($1)) t USING (link_id)
            WHERE (totals.n, totals.people, totals.visitors)
                IS DISTINCT FROM (t.clicks + t.bots, t.clicks, t.visitors))
      + (SELECT count(*) FROM (SELECT * FROM rows CROSS JOIN generate_series(1, 5) AS dimension) r
            FULL JOIN values_by_hour v USING (link_id, hour, dimension) WHERE r.n IS DISTINCT FROM v.n)
      + (SELECT count(*) FROM (SELECT * FROM days CROSS JOIN generate_series(1, 5) AS dimension) r
            FULL JOIN values_by_day v USING (link_id, day, dimension) WHERE r.n IS DISTINCT FROM v.n)
"""


class Books(NamedTuple):
    """`lost`: answered and not in the database. `invented`: in it, though refused or never sent."""

    lost: set[int]
    twice: int
    invented: int
    wrong_sums: int


async def settle(site: Site, link_ids: Collection[int], load: Load, taken: set[int]) -> None:
    """Until the stream is empty and all but what was taken is there, or so long that nothing more is to come."""
    connection = await site.connect()
    seen, seen_at_s = None, time.monotonic()
    deadline_s = seen_at_s + SETTLED_WITHIN_S
    while True:
        waiting = await site.redis.xlen("clicks")
        stored = await connection.fetchval("SELECT count(*) FROM clicks WHERE link_id = ANY($1)", link_ids)
        is_complete = not waiting and stored >= len(load.answered) - len(taken)
        if is_complete and (await _compare(connection, link_ids, load)).lost <= taken:
            break
        if (waiting, stored) != seen:
            seen, seen_at_s = (waiting, stored), time.monotonic()
        if not waiting and time.monotonic() - seen_at_s > site.still_after_s:
            break
        assert time.monotonic() < deadline_s, f"{waiting} entries wait, {stored} of {len(load.answered)} are stored"
        await asyncio.sleep(0.1)
    await connection.close()


async def compare(site: Site, link_ids: Collection[int], load: Load) -> Books:
    connection = await site.connect()
    books = await _compare(connection, link_ids, load)
    await connection.close()
    return books


async def _compare(connection: asyncpg.Connection, link_ids: Collection[int], load: Load) -> Books:
    rows = await connection.fetch(
        "SELECT referrer, count(*) AS n FROM clicks WHERE link_id = ANY($1) GROUP BY 1", link_ids
    )
    stored = {int(row["referrer"].removeprefix(REFERRER)): row["n"] for row in rows}
    return Books(
        lost=load.answered.keys() - stored.keys(),
        twice=sum(n - 1 for n in stored.values()),
        invented=len(stored.keys() - load.answered.keys() - load.cut),
        wrong_sums=await connection.fetchval(_WRONG_SUMS, link_ids),
    )
