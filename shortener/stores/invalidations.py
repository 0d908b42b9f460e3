"""Tells each process what others have changed: one connection to Redis, with a channel per kind of cached data."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection as Connection
from redis.exceptions import RedisError

from shortener.stores.metrics import INVALIDATIONS_UP
from shortener.stores.pongs import DEADLINE_S, PING_INTERVAL_S, Pongs

log = structlog.get_logger(__name__)

# Lifetime of an entry while Redis reports changes; it is only a safety net.
INFORMED_LIFETIME_S = 30.0
# Lifetime while Redis does not: a change is still seen within a second.
UNINFORMED_LIFETIME_S = 0.9
REPORT_TIMEOUT_S = 1.0
_REPORT_PAUSE_S = 0.1

# Called with the names that changed; None means that anything may have.
OnChange = Callable[[Collection[str] | None], None]


class Cache(Protocol):
    """A cache in memory. Entries older than `lifetime_s` are not used."""

    lifetime_s: float


class Listeners:
    """Callbacks and caches of this process, by channel. A process without caches has none."""

    def __init__(self) -> None:
        self._on_change: defaultdict[str, list[OnChange]] = defaultdict(list)
        self._caches: list[Cache] = []

    def add(self, channel: str, on_change: OnChange, cache: Cache) -> None:
        """`on_change` is called for each message of the channel. `cache` gets the lifetime of its entries."""
        self._on_change[channel].append(on_change)
        self._caches.append(cache)

    @property
    def channels(self) -> list[str]:
        return list(self._on_change)

    def tell(self, channel: str, names: Collection[str] | None) -> None:
        """Call the listeners of the channel. `names` are those that changed; None means that anything may have."""
        for on_change in self._on_change.get(channel, ()):
            on_change(names)

    def trust(self, lifetime_s: float) -> None:
        for cache in self._caches:
            cache.lifetime_s = lifetime_s


async def report(redis: Redis, channel: str, message: str) -> None:
    """Publish a committed change. Waits at most as long as caches trust their entries while Redis is down."""
    try:
        async with asyncio.timeout(REPORT_TIMEOUT_S):
            while not await _is_published(redis, channel, message):
                await asyncio.sleep(_REPORT_PAUSE_S)
    except TimeoutError:
        # Harmless: a process trusts its memory only while Redis reports to it.
        log.warning("change_not_reported", channel=channel)


async def _is_published(redis: Redis, channel: str, message: str) -> bool:
    try:
        await redis.publish(channel, message)
    except (RedisError, OSError):
        return False
    return True


class Invalidations:
    """Listens on the channels of all listeners, whose messages are names separated by spaces, and passes these on.

    Reports end together with the pongs of their connection: no pong within the deadline, no trust in the caches.
    """

    def __init__(self, redis: Redis, listeners: Listeners) -> None:
        self._pool = redis.connection_pool
        self._listeners = listeners

    async def run(self) -> None:
        """Until cancelled; reconnects as often as needed."""
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
            channels = self._listeners.channels
            await connection.send_command("SUBSCRIBE", *channels, check_health=False)
            # Before Python 3.12 asyncio.wait_for loses a cancellation that comes together with the response.
            async with asyncio.timeout(DEADLINE_S):
                for _ in channels:
                    await connection.read_response()
            # Earlier changes were not reported.
            for channel in channels:
                self._listeners.tell(channel, None)
            self._listeners.trust(INFORMED_LIFETIME_S)
            INVALIDATIONS_UP.labels("web").set(1)
            await self._follow(connection)
        finally:
            self._listeners.trust(UNINFORMED_LIFETIME_S)
            INVALIDATIONS_UP.labels("web").set(0)
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)

    async def _follow(self, connection: Connection) -> None:
        pongs = Pongs(connection)
        while True:
            response = await pongs.read(PING_INTERVAL_S)
            if response is not None and response[0] == b"message":
                self._listeners.tell(response[1].decode(), response[2].decode().split())
