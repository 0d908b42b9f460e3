"""The in-process level in front of Redis, and how it hears of changes."""

import asyncio
import time
from collections.abc import Callable

import msgspec
import structlog
from cachebox import LRUCache
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection as Connection
from redis.exceptions import RedisError

from shortener.redirect.cache import EVICTED_CHANNEL, Absent, Cached
from shortener.telemetry import INVALIDATIONS_UP

log = structlog.get_logger(__name__)

# While Redis reports changes an entry is used this long; the lifetime is only the safety net.
INFORMED_LIFETIME_S = 30.0
# While it does not, an entry may be this old: an edit is then visible within a second all the same.
UNINFORMED_LIFETIME_S = 0.9
PING_INTERVAL_S = 0.2
PONG_DEADLINE_S = 0.8


class _Entry(msgspec.Struct, frozen=True, gc=False):
    value: Cached
    stored_at_s: float


class MemoryLevel:
    """At most `size` targets, and as many missing codes; the least recently used leave first.

    Apart, so that somebody who tries codes cannot drive out the links that people follow.
    """

    def __init__(self, size: int) -> None:
        self._targets: LRUCache[str, _Entry] = LRUCache(size)
        self._missing: LRUCache[str, _Entry] = LRUCache(size)
        self.lifetime_s = UNINFORMED_LIFETIME_S
        self._doubted_at_s = 0.0

    def get(self, code: str) -> Cached | None:
        """The value while it is fresh, else None."""
        entry = self._targets.get(code) or self._missing.get(code)
        if entry is None or entry.stored_at_s <= self._doubted_at_s:
            return None
        if entry.stored_at_s + self.lifetime_s < time.monotonic():
            return None
        return entry.value

    def get_stale(self, code: str) -> Cached | None:
        """The value however old: for when neither Redis nor the database answers."""
        entry = self._targets.get(code) or self._missing.get(code)
        return None if entry is None else entry.value

    def put(self, code: str, value: Cached) -> None:
        level, other = self._targets, self._missing
        if value is Absent.MISSING:
            level, other = other, level
        other.pop(code, None)
        level[code] = _Entry(value, time.monotonic())

    def drop(self, code: str) -> None:
        self._targets.pop(code, None)
        self._missing.pop(code, None)

    def doubt(self) -> None:
        """Trust nothing that is here; it stays for when neither Redis nor the database answers."""
        self._doubted_at_s = time.monotonic()


class Invalidations:
    """Listens for evicted codes and passes them to `on_change` (None: any may have been).

    Reports end together with the pongs of their connection: no pong within the deadline, no trust in memory.
    """

    def __init__(self, redis: Redis, memory: MemoryLevel, on_change: Callable[[list[str] | None], None]) -> None:
        self._pool = redis.connection_pool
        self._memory = memory
        self._on_change = on_change

    async def run(self) -> None:
        """Until cancelled; connects again as often as it takes."""
        INVALIDATIONS_UP.labels("web").set(0)
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("invalidations_lost", error=repr(error))
            await asyncio.sleep(PING_INTERVAL_S)

    async def _listen(self) -> None:
        connection = await self._pool.get_connection()
        try:
            await connection.send_command("SUBSCRIBE", EVICTED_CHANNEL, check_health=False)
            # Before Python 3.12 asyncio.wait_for loses a cancellation that comes together with the response.
            async with asyncio.timeout(PONG_DEADLINE_S):
                await connection.read_response()
            # Whatever changed before now was not reported.
            self._on_change(None)
            self._memory.lifetime_s = INFORMED_LIFETIME_S
            INVALIDATIONS_UP.labels("web").set(1)
            await self._follow(connection)
        finally:
            self._memory.lifetime_s = UNINFORMED_LIFETIME_S
            INVALIDATIONS_UP.labels("web").set(0)
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)

    async def _follow(self, connection: Connection) -> None:
        pong_at_s = time.monotonic()
        pinged_at_s = 0.0
        while True:
            if time.monotonic() - pinged_at_s >= PING_INTERVAL_S:
                await connection.send_command("PING", check_health=False)
                pinged_at_s = time.monotonic()
            response = await connection.read_response(timeout=PING_INTERVAL_S, disconnect_on_error=False)
            if response is None:
                # Judged only when nothing is left to read: a process that was busy has not lost its pongs.
                if time.monotonic() - pong_at_s > PONG_DEADLINE_S:
                    raise TimeoutError("Redis sends no pong")
            elif response[0] == b"pong":
                pong_at_s = time.monotonic()
            elif response[0] == b"message":
                self._on_change(response[2].decode().split())
