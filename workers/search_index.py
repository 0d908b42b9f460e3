"""Merges new links into the indexes of the search, so that neither creating nor searching has to."""

import asyncio

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shortener.settings import Settings
from shortener.stores.database import create_engine

log = structlog.get_logger(__name__)

MERGE_INTERVAL_S = 2.0
# Any constant: the holder of this database lock merges.
_LOCK_ID = 7_236_002
# Autovacuum merges as well, and so does a create that finds the list full; this job then gives way. Waiting for
# autovacuum for a second (deadlock_timeout) would cancel it.
_PATIENCE = text("SET LOCAL lock_timeout = '500ms'")
_TOO_LONG = "55P03"
# An interrupted merge loses its work. The bound is for a server that has vanished.
_MERGE_TIMEOUT_S = 3600
_MERGE = text(
    "SELECT CASE WHEN pg_try_advisory_xact_lock(:lock) "
    "THEN gin_clean_pending_list('ix_links_search') + gin_clean_pending_list('ix_links_short') END"
)


def create_merge_engine(settings: Settings) -> AsyncEngine:
    """An engine with one connection, so that the worker's other parts do not wait for it."""
    return create_engine(settings.database_url, pool_size=1, statement_timeout_s=_MERGE_TIMEOUT_S)


async def keep_merging(engine: AsyncEngine) -> None:
    """Until cancelled. A task of each worker: one merge ends before the next begins, however long it takes."""
    while True:
        try:
            await merge(engine)
        except Exception as error:  # Without this task, creates would merge while their clients wait.
            log.warning("search_index_not_merged", error=repr(error))
        await asyncio.sleep(MERGE_INTERVAL_S)


async def merge(engine: AsyncEngine) -> int | None:
    """Merge waiting entries; returns their number of pages, or None while somebody else merges."""
    try:
        async with engine.begin() as connection:
            await connection.execute(_PATIENCE)
            pages: int | None = await connection.scalar(_MERGE, {"lock": _LOCK_ID})
            return pages
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _TOO_LONG:
            raise
        return None
