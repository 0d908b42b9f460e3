"""The in-process level in front of Redis, and its invalidation by Redis (client tracking)."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import structlog
from cachebox import LRUCache
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection as Connection
from redis.exceptions import RedisError

from shortener.redirect.cache import KEY_PREFIX, Cached, code_of
from shortener.telemetry import INVALIDATIONS_UP

log = structlog.get_logger(__name__)

INVALIDATE_CHANNEL = "__redis__:invalidate"

# While Redis reports changes an entry is used this long; the lifetime is only the safety net.
TRACKED_LIFETIME_S = 30.0
# While it does not, an entry may be this old: an edit is then visible within a second all the same.
UNTRACKED_LIFETIME_S = 0.9
PING_INTERVAL_S = 0.2
PONG_DEADLINE_S = 0.8


class _Entry(NamedTuple):
    value: Cached
    stored_at_s: float


class MemoryLevel:
    """A bounded number of targets and missing codes; the least recently used leaves first."""

    def __init__(self, size: int) -> None:
        self._entries: LRUCache[str, _Entry] = LRUCache(size)
        self.lifetime_s = UNTRACKED_LIFETIME_S
        self._doubted_at_s = 0.0

    def get(self, code: str) -> Cached | None:
        """The value while it is fresh, else None."""
        entry = self._entries.get(code)
        if entry is None or entry.stored_at_s <= self._doubted_at_s:
            return None
        if entry.stored_at_s + self.lifetime_s < time.monotonic():
            return None
        return entry.value

    def get_stale(self, code: str) -> Cached | None:
        """The value however old: for when neither Redis nor the database answers."""
        entry = self._entries.get(code)
        return None if entry is None else entry.value

    def put(self, code: str, value: Cached) -> None:
        self._entries[code] = _Entry(value, time.monotonic())

    def drop(self, code: str) -> None:
        self._entries.pop(code, None)

    def doubt(self) -> None:
        """Trust nothing that is here; it stays for when neither Redis nor the database answers."""
        self._doubted_at_s = time.monotonic()


class Invalidations:
    """Listens to what Redis reports as changed and passes each code to `on_change` (None: all of them).

    One connection subscribes and redirects its own tracking (broadcast, by prefix) to itself, so that reports
    arrive in order and end together with the pongs: no pong within the deadline, no trust in memory.
    """

    def __init__(self, redis: Redis, memory: MemoryLevel, on_change: Callable[[str | None], None]) -> None:
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
            client_id = await _ask(connection, "CLIENT", "ID")
            await _ask(connection, "CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", KEY_PREFIX, "REDIRECT", client_id)
            await _ask(connection, "SUBSCRIBE", INVALIDATE_CHANNEL)
            # Whatever changed before now was not reported.
            self._on_change(None)
            self._memory.lifetime_s = TRACKED_LIFETIME_S
            INVALIDATIONS_UP.labels("web").set(1)
            await self._follow(connection)
        finally:
            self._memory.lifetime_s = UNTRACKED_LIFETIME_S
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
                keys: list[bytes] | None = response[2]
                for code in [None] if keys is None else map(code_of, keys):
                    self._on_change(code)


async def _ask(connection: Connection, *command: Any) -> Any:
    await connection.send_command(*command, check_health=False)
    # Before Python 3.12 asyncio.wait_for loses a cancellation that comes together with the response.
    async with asyncio.timeout(PONG_DEADLINE_S):
        return await connection.read_response()
