"""From a code to its target: memory, then Redis, then Postgres; one refill a code however many wait."""

import asyncio
import contextlib

import asyncpg
import structlog

from shortener.database import Database
from shortener.errors import ServiceUnavailable, is_database_down
from shortener.redirect.cache import Absent, Cached, TargetCache
from shortener.redirect.memory import MemoryLevel
from shortener.redirect.target import Target
from shortener.redis import RedisUnavailable
from shortener.telemetry import RESOLVED

log = structlog.get_logger(__name__)

SELECT_TIMEOUT_S = 2.0

# Plain SQL on the driver's connection: a miss waits for it, and SQLAlchemy adds more than the query takes.
_SELECT = """
    SELECT code, id, url, extract(epoch FROM expires_at)::float8 AS expires_at_s,
           is_disabled, deleted_at IS NOT NULL AS is_deleted
    FROM links WHERE code = ANY($1::text[])
"""


class Resolver:
    """Codes asked for in one turn of the event loop share one MGET, and those not found one SELECT."""

    def __init__(self, database: Database, cache: TargetCache, memory: MemoryLevel) -> None:
        self._database = database
        self._cache = cache
        self._memory = memory
        self._loading: dict[str, asyncio.Future[Cached]] = {}
        self._queued: list[str] = []
        self._changed_while_loading: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def peek(self, code: str) -> Cached | None:
        """What memory knows, at once."""
        return self._memory.get(code)

    async def resolve(self, code: str) -> Target | None:
        """The target, or None when there is no such link. Raises ServiceUnavailable when nothing can tell."""
        found = self._memory.get(code)
        if found is not None:
            RESOLVED.labels("memory").inc()
        else:
            found = await self._load(code)
        return None if found is Absent.MISSING else found

    def forget(self, code: str | None) -> None:
        """Drop a changed code (None: any may be), and keep what is being loaded at this moment out of memory."""
        if code is None:
            self._memory.doubt()
            self._changed_while_loading.update(self._loading)
        else:
            self._memory.drop(code)
            if code in self._loading:
                self._changed_while_loading.add(code)

    def _load(self, code: str) -> "asyncio.Future[Cached]":
        waiting = self._loading.get(code)
        if waiting is None:
            loop = asyncio.get_running_loop()
            waiting = self._loading[code] = loop.create_future()
            if not self._queued:
                loop.call_soon(self._start_loading)
            self._queued.append(code)
        # A client that goes away must not cancel the refill that others wait for.
        return asyncio.shield(waiting)

    def _start_loading(self) -> None:
        codes, self._queued = self._queued, []
        task = asyncio.create_task(self._load_all(codes))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _load_all(self, codes: list[str]) -> None:
        found: dict[str, Cached] = {}
        failure: Exception | None = None
        try:
            found = await self._from_cache_or_database(codes)
        except Exception as error:  # Whoever waits must be told.
            failure = error
        for code in codes:
            value = found.get(code)
            if value is not None and code not in self._changed_while_loading:
                self._memory.put(code, value)
            self._changed_while_loading.discard(code)
            waiting = self._loading.pop(code)
            if value is None:
                value = self._memory.get_stale(code)
                RESOLVED.labels("nothing" if value is None else "stale").inc()
            if waiting.cancelled():
                continue
            if value is not None:
                waiting.set_result(value)
            else:
                waiting.set_exception(_unavailable(failure))
                waiting.exception()  # Marks it as seen, for when every client that waited has gone.

    async def _from_cache_or_database(self, codes: list[str]) -> dict[str, Cached]:
        try:
            found = await self._cache.get(codes)
        except RedisUnavailable:
            return await self._from_database(codes)
        RESOLVED.labels("redis").inc(len(found))
        missed = [code for code in codes if code not in found]
        if missed:
            fresh = await self._from_database(missed)
            with contextlib.suppress(RedisUnavailable):
                await self._cache.fill(fresh)
            found |= fresh
        return found

    async def _from_database(self, codes: list[str]) -> dict[str, Cached]:
        async with self._database.driver_connection() as connection:
            rows = await connection.fetch(_SELECT, codes, timeout=SELECT_TIMEOUT_S)
        RESOLVED.labels("database").inc(len(rows))
        RESOLVED.labels("missing").inc(len(codes) - len(rows))
        found: dict[str, Cached] = dict.fromkeys(codes, Absent.MISSING)
        found.update({row["code"]: _target(row) for row in rows})
        return found


def _target(row: "asyncpg.Record") -> Target:
    return Target(
        link_id=row["id"],
        url=row["url"],
        expires_at_s=row["expires_at_s"],
        is_disabled=row["is_disabled"],
        is_deleted=row["is_deleted"],
    )


def _unavailable(failure: Exception | None) -> Exception:
    if failure is None or is_database_down(failure) or isinstance(failure, TimeoutError):
        log.error("cannot_resolve", error=repr(failure))
        return ServiceUnavailable("The link cannot be looked up right now. Try again.", headers={"Retry-After": "5"})
    return failure
