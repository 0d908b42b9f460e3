"""Connections to Redis or Valkey: one place for timeouts, and for going on without it."""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from hiredis import pack_command
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shortener.stores.metrics import REDIS_UNAVAILABLE

CONNECT_TIMEOUT_S = 2.0
SOCKET_TIMEOUT_S = 5.0
MAX_CONNECTIONS = 64
MIN_PAUSE_S = 0.03
MAX_PAUSE_S = 0.5
# The part that tries Redis in the background while it is away, as long as clicks come in.
RECORDER = "clicks"
RECORDER_TRIES_WITHIN_S = 1.0

Command = tuple[bytes | str | int, ...]

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


class RoundTrips:
    """Pipelines on a connection of their own: half the time of a client's pipeline, which is felt where each redirect
    waits for one. Those who come at the same time wait for each other."""

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._lock = asyncio.Lock()
        self._connection: AbstractConnection | None = None

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """The replies, in order. Raises RedisError, OSError; nothing is known then of what was done."""
        async with self._lock:
            connection = self._connection
            if connection is None:
                connection = self._connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
                # Whoever sends has a time budget; a second clock for each packet would cost as much again.
                connection.socket_timeout = None
            try:
                if not connection.is_connected:
                    await connection.connect()
                await connection.send_packed_command(_pack(commands), check_health=False)
                return [await connection.read_response() for _ in commands]
            except BaseException:
                # Also when cancelled: the replies that are still to come must not be taken for those of the next.
                await self.close()
                raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


def _pack(commands: Sequence[Command]) -> bytes:
    return b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]


class RedisGuard:
    """A time budget for calls to Redis on the path of a redirect, and a breaker.

    After a failure calls are refused for a pause. Then one may try; as long as the recorder does, whose tries no
    answer waits for, nobody else: a Redis that hangs is felt by the requests of its first moment only. The first pause
    is short, since a moment's delay must not turn a busy process to the database for long; each failure after a pause
    doubles it.
    """

    def __init__(self, budget_s: float) -> None:
        self.budget_s = budget_s
        self._pause_s = MIN_PAUSE_S
        self._closed_until = 0.0
        self._recorder_tried_at_s = float("-inf")
        # Whether the last call came back: who need not know now whether Redis is back may leave the trying to others.
        self.is_well = True

    @property
    def is_open(self) -> bool:
        return time.monotonic() >= self._closed_until

    @property
    def opens_in_s(self) -> float:
        """Seconds of the pause that are left."""
        return max(0.0, self._closed_until - time.monotonic())

    def _is_left_to_recorder(self, part: str) -> bool:
        if self.is_well:
            return False
        now_s = time.monotonic()
        if part == RECORDER:
            self._recorder_tried_at_s = now_s
            return False
        return now_s < self._recorder_tried_at_s + RECORDER_TRIES_WITHIN_S

    async def call(self, part: str, command: Awaitable[T]) -> T:
        """Await a command. Raises RedisUnavailable; `part` is the label of the counter."""
        if self._is_left_to_recorder(part) or not self.is_open:
            if asyncio.iscoroutine(command):
                command.close()
            REDIS_UNAVAILABLE.labels(part).inc()
            raise RedisUnavailable(part)
        try:
            async with asyncio.timeout(self.budget_s):
                answer = await command
        except (RedisError, OSError, TimeoutError) as error:
            self._fail()
            REDIS_UNAVAILABLE.labels(part).inc()
            raise RedisUnavailable(part) from error
        self.is_well = True
        self._pause_s = MIN_PAUSE_S
        return answer

    def _fail(self) -> None:
        self.is_well = False
        # Of calls that fail together the first decides.
        if self.is_open:
            self._closed_until = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)
