"""Jobs of misses."""

from typing import Any

import asyncpg
import structlog

from shortener.clicks.stream import Entry, UnreadableEntry
from shortener.misses import store
from shortener.misses.metrics import MISSES_LOST
from shortener.misses.parts import MISS_STREAM
from shortener.misses.store import MissStore
from shortener.parts import Parts
from shortener.places.parts import LOCATOR
from shortener.stores.parts import DATABASE

log = structlog.get_logger(__name__)

# Errors for data that the database will never accept.
_REFUSALS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)


async def store_misses(ctx: dict[str, Any]) -> None:
    """Write the batches that wait. Two workers may do it at the same time: the ledger counts each batch once."""
    parts: Parts = ctx["parts"]
    stream = parts[MISS_STREAM]
    while (entry := await stream.first()) is not None:
        await _store(parts, entry)
        await stream.remove(entry)


async def _store(parts: Parts, entry: Entry) -> None:
    settings = parts.settings
    misses = MissStore(parts[LOCATOR].locate, settings.misses_paths, settings.misses_singles)
    try:
        batch = parts[MISS_STREAM].open(entry)
    except UnreadableEntry as error:
        log.error("misses_unreadable", entry=entry.id, reason=str(error))
        MISSES_LOST.labels(str(error)).inc()
        return
    try:
        async with parts[DATABASE].driver_connection() as connection:
            await misses.write(connection, batch)
    except _REFUSALS as error:
        log.error("misses_refused", entry=entry.id, exc_info=error)
        MISSES_LOST.labels(type(error).__name__).inc(sum(batch.totals.values()))


async def forget_misses(ctx: dict[str, Any]) -> None:
    """Delete old misses."""
    parts: Parts = ctx["parts"]
    async with parts[DATABASE].driver_connection() as connection:
        await store.forget_misses(connection, parts.settings.misses_days)
