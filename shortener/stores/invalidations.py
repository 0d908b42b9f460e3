"""How a process hears of what others have changed: one connection to Redis, a channel for each thing that is cached."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection as Connection
from redis.exceptions import RedisError

from shortener.stores.metrics import INVALIDATIONS_UP

log = structlog.get_logger(__name__)

# While Redis reports changes an entry is used this long; the lifetime is only the safety net.
INFORMED_LIFETIME_S = 30.0
# While it does not, an entry may be this old: a change is then seen within a second all the same.
UNINFORMED_LIFETIME_S = 0.9
PING_INTERVAL_S = 0.2
PONG_DEADLINE_S = 0.8
REPORT_TIMEOUT_S = 1.0
_REPORT_PAUSE_S = 0.1

# Told of what has changed; None: anything may have.
OnChange = Callable[[list[str] | None], None]


class Cache(Protocol):
    """Something in memory, of which no entry is used that is older than this."""

    lifetime_s: float


async def report(redis: Redis, channel: str, message: str) -> None:
    """Publish a change that is committed. It is waited for no longer than any memory outlives a Redis that is away."""
    try:
        async with asyncio.timeout(REPORT_TIMEOUT_S):
            while not await _is_published(redis, channel, message):
                await asyncio.sleep(_REPORT_PAUSE_S)
    except TimeoutError:
        # Each process trusts its memory only while Redis reports to it.
        log.warning("change_not_reported", channel=channel)


async def _is_published(redis: Redis, channel: str, message: str) -> bool:
    try:
        await redis.publish(channel, message)
    except (RedisError, OSError):
        return False
    return True


class Invalidations:
    """Listens on each of `channels`, whose messages are names with spaces between them, and passes them on.

    Reports end together with the pongs of their connection: no pong within the deadline, no trust in `caches`.
    """

    def __init__(self, redis: Redis, channels: Mapping[str, OnChange], *caches: Cache) -> None:
        self._pool = redis.connection_pool
        self._channels = {name.encode(): on_change for name, on_change in channels.items()}
        self._caches = caches

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
            await connection.send_command("SUBSCRIBE", *self._channels, check_health=False)
            # Before Python 3.12 asyncio.wait_for loses a cancellation that comes together with the response.
            async with asyncio.timeout(PONG_DEADLINE_S):
                for _ in self._channels:
                    await connection.read_response()
            # Whatever changed before now was not reported.
            for on_change in self._channels.values():
                on_change(None)
            self._trust(INFORMED_LIFETIME_S)
            INVALIDATIONS_UP.labels("web").set(1)
            await self._follow(connection)
        finally:
            self._trust(UNINFORMED_LIFETIME_S)
            INVALIDATIONS_UP.labels("web").set(0)
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)

    def _trust(self, lifetime_s: float) -> None:
        for cache in self._caches:
            cache.lifetime_s = lifetime_s

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
                self._channels[response[1]](response[2].decode().split())
