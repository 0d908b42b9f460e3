"""Jobs of links."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from shortener.parts import Parts
from shortener.redirect.cache import evict
from shortener.stores.parts import DATABASE, REDIS

_SWEPT_KEY = "cache:swept_at"
# Transactions that began earlier may commit later than this sweep.
_SWEEP_OVERLAP_S = 10.0
_SWEEP_START_S = 3600.0


async def evict_changed(ctx: dict[str, Any]) -> int:
    """Evict links that changed since the last sweep; returns their number.

    Changes evict their link at once. This job covers evictions that failed because Redis was down or the process died:
    no cache keeps the old link for longer than Redis was down.
    """
    parts: Parts = ctx["parts"]
    database = parts[DATABASE]
    redis = parts[REDIS]
    now_s = datetime.now(UTC).timestamp()
    swept = await redis.get(_SWEPT_KEY)
    since_s = (float(swept) if swept else now_s - _SWEEP_START_S) - _SWEEP_OVERLAP_S
    async with database.engine.connect() as connection:
        result = await connection.execute(
            text("SELECT code FROM links WHERE updated_at > :since AND updated_at > created_at"),
            {"since": datetime.fromtimestamp(since_s, UTC)},
        )
        codes = list(result.scalars())
    if codes:
        await evict(redis, codes)
    await redis.set(_SWEPT_KEY, repr(now_s))
    return len(codes)
