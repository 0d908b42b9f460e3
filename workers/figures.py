"""Jobs of figures."""

import time
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis

from shortener.figures.rollups import RECENT, busy_links, sum_up
from shortener.stores.database import Database

# Less than a job may take, less a statement.
SUM_UP_TIME_S = 25.0
_SUM_UP_LINKS = 100
_SUMMED_KEY = "rollups:summed_up_to"


async def sum_up_breakdowns(ctx: dict[str, Any]) -> None:
    """Sum up days and months that are over, link by link; the next run goes on where this one's time ends."""
    database: Database = ctx["database"]
    redis: Redis = ctx["redis"]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    began_at_s = time.monotonic()
    after = int(await redis.get(_SUMMED_KEY) or 0)
    while True:
        async with database.driver_connection() as connection:
            links = await busy_links(connection, after, _SUM_UP_LINKS)
            if links:
                await sum_up(connection, links, today - RECENT, today)
        after = links[-1] if links else 0
        await redis.set(_SUMMED_KEY, after)
        if not links or time.monotonic() - began_at_s >= SUM_UP_TIME_S:
            break
