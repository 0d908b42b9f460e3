"""Connections to Redis or Valkey: one place for timeouts, and for going on without it."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shortener.telemetry import REDIS_UNAVAILABLE

CONNECT_TIMEOUT_S = 2.0
SOCKET_TIMEOUT_S = 5.0
MAX_CONNECTIONS = 64

T = TypeVar("T")


class RedisUnavailable(Exception):
    """Redis did not answer within the budget, or is known not to; the caller goes on without it."""


def create_redis(url: str, **options: Any) -> Redis:
    """A client of raw bytes that neither waits for ever nor repeats a command by itself."""
    return Redis.from_url(  # type: ignore[no-any-return]
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        max_connections=MAX_CONNECTIONS,
        **({"socket_timeout": SOCKET_TIMEOUT_S} | options),
    )


class RedisGuard:
    """A time budget for calls to Redis on the path of a redirect, and a breaker.

    After a failure calls are refused for `pause_s`, so that a Redis that hangs costs one waiting request
    now and then, not all of them.
    """

    def __init__(self, budget_s: float, pause_s: float = 0.25) -> None:
        self.budget_s = budget_s
        self.pause_s = pause_s
        self._closed_until = 0.0
        # Whether the last call came back: who need not know now whether Redis is back may leave the trying to others.
        self.is_well = True

    @property
    def is_open(self) -> bool:
        return time.monotonic() >= self._closed_until

    async def call(self, part: str, command: Awaitable[T]) -> T:
        """Await a command. Raises RedisUnavailable; `part` is the label of the counter."""
        if not self.is_open:
            if asyncio.iscoroutine(command):
                command.close()
            REDIS_UNAVAILABLE.labels(part).inc()
            raise RedisUnavailable(part)
        try:
            async with asyncio.timeout(self.budget_s):
                answer = await command
        except (RedisError, OSError, TimeoutError) as error:
            self.is_well = False
            self._closed_until = time.monotonic() + self.pause_s
            REDIS_UNAVAILABLE.labels(part).inc()
            raise RedisUnavailable(part) from error
        self.is_well = True
        return answer
