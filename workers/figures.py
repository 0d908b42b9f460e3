"""Jobs of figures."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from shortener.figures.groups import changed_links, forget_drifted, keep_groups, next_links
from shortener.figures.rollups import RECENT, busy_links, sum_up
from shortener.figures.spans import EPOCH
from shortener.parts import Parts
from shortener.stores.parts import DATABASE, REDIS

# Less than a job may take, minus one statement.
SUM_UP_TIME_S = 25.0
_SUM_UP_LINKS = 100
# Groups have negative ids.
_FIRST = -(2**63)
_SUMMED_KEY = "rollups:summed_up_to"
# Transactions that began earlier may commit later than a run.
_OVERLAP = timedelta(minutes=1)
KEEP_TIME_S = 20.0
# Links that a run looks at when none of them has to move.
_LOOKED_AT = 1000
_CHANGED_KEY, _LOOKED_AT_KEY = "groups:changed_at", "groups:looked_at_to"


async def sum_up_breakdowns(ctx: dict[str, Any]) -> None:
    """Sum up days and months that are over, group by group and link by link; the next run continues where this one's
    time ends."""
    parts: Parts = ctx["parts"]
    database = parts[DATABASE]
    redis = parts[REDIS]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    began_at_s = time.monotonic()
    after = int(await redis.get(_SUMMED_KEY) or _FIRST)
    while True:
        async with database.driver_connection() as connection:
            links = await busy_links(connection, after, _SUM_UP_LINKS)
            if links and links[0] < 0:
                # All days of a group may be due.
                links = links[:1]
                await sum_up(connection, links, EPOCH, today)
            elif links:
                await sum_up(connection, links, today - RECENT, today)
        after = links[-1] if links else _FIRST
        await redis.set(_SUMMED_KEY, after)
        if not links or time.monotonic() - began_at_s >= SUM_UP_TIME_S:
            break


async def count_groups(ctx: dict[str, Any]) -> None:
    """Add new clicks to groups of links, and look at links that were changed, and in turn at all others."""
    parts: Parts = ctx["parts"]
    redis = parts[REDIS]
    began_at, began_at_s = datetime.now(UTC), time.monotonic()
    after, since = int(await redis.get(_LOOKED_AT_KEY) or 0), float(await redis.get(_CHANGED_KEY) or 0)
    async with parts[DATABASE].driver_connection() as connection:
        following = await next_links(connection, after, _LOOKED_AT)
        links = following + await changed_links(connection, datetime.fromtimestamp(since, UTC))
        has_moved = False
        while True:
            kept = await keep_groups(connection, links)
            if kept is None:
                return
            links, has_moved = kept.links, has_moved or kept.has_moved
            if not kept.has_more:
                after = following[-1] if following else 0
                await redis.set(_LOOKED_AT_KEY, after)
                await redis.set(_CHANGED_KEY, repr((began_at - _OVERLAP).timestamp()))
                # All links are looked at again, chunk by chunk, and without haste once they are where they belong.
                if not has_moved or not following:
                    return
                links, has_moved = (following := await next_links(connection, after)), False
            if time.monotonic() - began_at_s >= KEEP_TIME_S:
                return


async def check_groups(ctx: dict[str, Any]) -> int:
    """Count groups again whose counts are not those of their links; returns their number."""
    parts: Parts = ctx["parts"]
    async with parts[DATABASE].driver_connection() as connection:
        drifted = await forget_drifted(connection)
    if drifted:
        await parts[REDIS].delete(_LOOKED_AT_KEY)
    return drifted
