"""From a code to its target: memory, then Redis, then Postgres; one refill a code however many wait."""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any

import asyncpg
import msgspec
import structlog

from shortener.errors import ServiceUnavailable
from shortener.event_loop.tasks import call_safely
from shortener.redirect.cache import Absent, Cached, Found, TargetCache
from shortener.redirect.location import encode
from shortener.redirect.memory import MemoryLevel
from shortener.redirect.metrics import RESOLVED
from shortener.redirect.options import NO_OPTIONS, Extras, Options
from shortener.redirect.target import Target
from shortener.stores.database import Database
from shortener.stores.outage import is_database_down
from shortener.stores.redis import Command, RedisUnavailable

log = structlog.get_logger(__name__)

SELECT_TIMEOUT_S = 2.0

Told = Callable[[Found | Exception], None]
Judge = Callable[[Target], Target]

# Plain SQL on the driver's connection: a miss waits for it, and SQLAlchemy adds more than the query takes.
_SELECT = """
    SELECT l.code, l.id, l.url, extract(epoch FROM l.expires_at)::float8 AS expires_at_s,
           l.is_disabled, l.deleted_at IS NOT NULL AS is_deleted, l.ban_id IS NOT NULL AS is_banned, l.has_warning,
           extract(epoch FROM l.starts_at)::float8 AS starts_at_s, l.max_clicks, l.password_hash,
           nullif(l.options, 'null')::text AS options,
           CASE WHEN l.alias_of IS NOT NULL THEN (SELECT code FROM links WHERE id = l.alias_of) END AS alias_of
    FROM links AS l WHERE l.code = ANY($1::text[])
"""
_EXTRAS = ("starts_at_s", "max_clicks", "password_hash", "options")
_read_options = msgspec.json.Decoder(Options).decode


class Resolver:
    """Asks Redis in the round trips that store clicks (a `Rider` of the recorder, which `carry` wakes): while one is on
    its way the codes of the next gather. Those that Redis does not know share one SELECT. `judge` sees each target on
    its way into memory: what it knows of hosts is written on no link."""

    def __init__(
        self,
        database: Database,
        cache: TargetCache,
        memory: MemoryLevel,
        carry: Callable[[], None],
        judge: Judge = lambda target: target,
    ) -> None:
        self._database = database
        self._cache = cache
        self._memory = memory
        self._carry = carry
        self._judge = judge
        self._loading: dict[str, list[Told]] = {}
        self._queued: list[str] = []
        self._asked: list[str] = []
        self._changed_while_loading: set[str] = set()
        self._refills: set[asyncio.Task[None]] = set()

    def peek(self, code: str) -> Found | None:
        """What memory knows, at once."""
        return self._memory.get(code)

    def load(self, code: str, told: Told) -> None:
        """Ask Redis, then Postgres; `told` is called with what they know, or with the error when nothing can tell."""
        waiting = self._loading.get(code)
        if waiting is not None:
            waiting.append(told)
            return
        self._loading[code] = [told]
        self._queued.append(code)
        self._carry()

    def forget(self, codes: Iterable[str] | None) -> None:
        """Drop changed codes (None: any may be), and keep what is being loaded at this moment out of memory."""
        if codes is None:
            self._memory.doubt()
            self._changed_while_loading.update(self._loading)
            return
        for code in codes:
            self._memory.drop(code)
            if code in self._loading:
                self._changed_while_loading.add(code)

    @property
    def is_waiting(self) -> bool:
        """Whether there are codes to ask for."""
        return bool(self._queued)

    def board(self) -> list[Command]:
        """The question of the next round trip."""
        if not self._queued:
            return []
        self._asked, self._queued = self._queued, []
        return [self._cache.question(self._asked)]

    def arrive(self, replies: list[Any]) -> None:
        """Tell those who wait what Redis knows, and ask Postgres for the rest."""
        codes, self._asked = self._asked, []
        if not codes:
            return
        found = self._cache.read(codes, replies[0])
        RESOLVED.labels("redis").inc(len(found))
        self._deliver(found)
        if len(found) < len(codes):
            self._start_refill([code for code in codes if code not in found], True)

    def strand(self) -> None:
        """Redis is away: ask Postgres for all."""
        codes = self._asked + self._queued
        self._asked, self._queued = [], []
        if codes:
            self._start_refill(codes, False)

    def _start_refill(self, codes: list[str], is_redis_there: bool) -> None:
        refill = asyncio.create_task(self._refill(codes, is_redis_there))
        self._refills.add(refill)
        refill.add_done_callback(self._refills.discard)

    async def _refill(self, codes: list[str], is_redis_there: bool) -> None:
        try:
            found = await self._from_database(codes)
            if is_redis_there:
                with contextlib.suppress(RedisUnavailable):
                    await self._cache.fill(found)
        except Exception as error:  # Whoever waits must be told.
            self._fail(codes, error)
        else:
            self._deliver(found)

    def _deliver(self, found: Mapping[str, Cached]) -> None:
        for code, loaded in found.items():
            value = self._judge(loaded) if isinstance(loaded, Target) else loaded
            if code not in self._changed_while_loading:
                self._memory.put(code, value)
            if isinstance(value, str):
                self._follow(code, value)
            else:
                self._tell(code, value)

    def _follow(self, alias: str, code: str) -> None:
        """Those who wait for an alias wait for its link."""
        self._changed_while_loading.discard(alias)
        waiting = self._loading.pop(alias)
        known = self._memory.get(code)
        for told in waiting:
            if known is not None:
                call_safely(told, known)
            else:
                self.load(code, told)

    def _fail(self, codes: list[str], error: Exception) -> None:
        failure = _unavailable(error)
        for code in codes:
            stale = self._memory.get_stale(code)
            RESOLVED.labels("nothing" if stale is None else "stale").inc()
            # It may have been there before what it is judged by.
            self._tell(code, failure if stale is None else self._judge(stale) if isinstance(stale, Target) else stale)

    def _tell(self, code: str, found: Found | Exception) -> None:
        self._changed_while_loading.discard(code)
        for told in self._loading.pop(code):
            call_safely(told, found)

    async def _from_database(self, codes: list[str]) -> dict[str, Cached]:
        async with self._database.driver_connection() as connection:
            rows = await connection.fetch(_SELECT, codes, timeout=SELECT_TIMEOUT_S)
        RESOLVED.labels("database").inc(len(rows))
        RESOLVED.labels("missing").inc(len(codes) - len(rows))
        found: dict[str, Cached] = dict.fromkeys(codes, Absent.MISSING)
        found.update({row["code"]: row["alias_of"] or _target(row) for row in rows})
        return found


def _target(row: "asyncpg.Record") -> Target:
    return Target(
        link_id=row["id"],
        # Versions before have stored characters that some clients fail on.
        url=encode(row["url"]),
        expires_at_s=row["expires_at_s"],
        is_disabled=row["is_disabled"],
        is_deleted=row["is_deleted"],
        is_banned=row["is_banned"],
        has_warning=row["has_warning"],
        extras=_extras(row),
    )


def _extras(row: "asyncpg.Record") -> Extras | None:
    starts_at_s, max_clicks, password_hash, options = itemgetter(*_EXTRAS)(row)
    if starts_at_s is None and max_clicks is None and password_hash is None and options is None:
        return None
    tag = "" if password_hash is None else hashlib.sha256(password_hash.encode()).hexdigest()[:16]
    return Extras(starts_at_s, max_clicks, tag, NO_OPTIONS if options is None else _read_options(options))


def _unavailable(failure: Exception) -> Exception:
    if is_database_down(failure) or isinstance(failure, TimeoutError):
        log.error("cannot_resolve", error=repr(failure))
        return ServiceUnavailable("The link cannot be looked up right now. Try again.", headers={"Retry-After": "5"})
    return failure
