"""Compares the database with the answered redirects."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import asyncpg

from tests.chaos.load import REFERRER, Load
from tests.chaos.site import Site

SETTLED_WITHIN_S = 240.0
# So far the clock that dates a click and the one that times its request may drift apart.
DRIFT_S = 0.5

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
"""


class Books(NamedTuple):
    """`lost`: answered and not in the database. `invented`: in it, though refused or never sent. `misplaced`: counted
    for another link, or for another time than that of its request. With none of these, and no wrong sums, what each
    link shows for each hour is what was answered."""

    lost: set[int]
    twice: int
    invented: int
    misplaced: int
    wrong_sums: int


async def settle(site: Site, links: Mapping[str, int], load: Load, taken: set[int]) -> None:
    """Until the stream is empty and all but what was taken is there, or so long that nothing more is to come."""
    connection, link_ids = await site.connect(), list(links.values())
    seen, seen_at_s = None, time.monotonic()
    deadline_s = seen_at_s + SETTLED_WITHIN_S
    while True:
        waiting = await site.redis.xlen("clicks")
        stored = await connection.fetchval("SELECT count(*) FROM clicks WHERE link_id = ANY($1)", link_ids)
        is_complete = not waiting and stored >= len(load.answered) - len(taken)
        if is_complete and (await _compare(connection, links, load)).lost <= taken:
            break
        if (waiting, stored) != seen:
            seen, seen_at_s = (waiting, stored), time.monotonic()
        if not waiting and time.monotonic() - seen_at_s > site.still_after_s:
            break
        assert time.monotonic() < deadline_s, f"{waiting} entries wait, {stored} of {len(load.answered)} are stored"
        await asyncio.sleep(0.1)
    await connection.close()


async def compare(site: Site, links: Mapping[str, int], load: Load) -> Books:
    connection = await site.connect()
    books = await _compare(connection, links, load)
    await connection.close()
    return books


async def _compare(connection: asyncpg.Connection, links: Mapping[str, int], load: Load) -> Books:
    link_ids = list(links.values())
    rows = await connection.fetch(
        "SELECT referrer, link_id, extract(epoch FROM at)::float8 AS at_s FROM clicks WHERE link_id = ANY($1)", link_ids
    )
    # Redirects are timed by the monotonic clock.
    ahead_s = time.time() - time.monotonic()
    stored: Counter[int] = Counter()
    misplaced = 0
    for row in rows:
        number = int(row["referrer"].removeprefix(REFERRER))
        stored[number] += 1
        answered = load.answered.get(number)
        if answered is not None:
            is_then = answered.sent_s - DRIFT_S <= row["at_s"] - ahead_s <= answered.at_s + DRIFT_S
            misplaced += row["link_id"] != links[answered.code] or not is_then
    return Books(
        lost=load.answered.keys() - stored.keys(),
        twice=stored.total() - len(stored),
        invented=len(stored.keys() - load.answered.keys() - load.cut),
        misplaced=misplaced,
        wrong_sums=await connection.fetchval(_WRONG_SUMS, link_ids),
    )
