"""Connections to Redis or Valkey, with timeouts, and a guard for continuing without it."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Iterator, Sequence
from typing import Any, TypeVar

from hiredis import pack_command
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shortener.errors import ServiceUnavailable
from shortener.stores.metrics import REDIS_UNAVAILABLE

CONNECT_TIMEOUT_S = 2.0
SOCKET_TIMEOUT_S = 5.0
MAX_CONNECTIONS = 64
MIN_PAUSE_S = 0.03
MAX_PAUSE_S = 0.5
# The part that retries Redis in the background while it is down, as long as clicks come in.
RECORDER = "clicks"
RECORDER_TRIES_WITHIN_S = 1.0

Command = tuple[bytes | str | int, ...]

T = TypeVar("T")


class RedisUnavailable(Exception):
    """Redis did not answer within the budget, or is known to be down; the caller continues without it."""


def create_redis(url: str, **options: Any) -> Redis:
    """A client of raw bytes that never waits for ever and never repeats a command."""
    return Redis.from_url(  # type: ignore[no-any-return]
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        max_connections=MAX_CONNECTIONS,
        **({"socket_timeout": SOCKET_TIMEOUT_S} | options),
    )


class RoundTrips:
    """Pipelines on a separate connection. They take half the time of a client's pipeline, which matters where each
    redirect waits for one. Those who come at the same time wait for each other."""

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._lock = asyncio.Lock()
        self._connection: AbstractConnection | None = None

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """The replies, in order. Raises RedisError, OSError; the commands may then have been executed or not."""
        async with self._lock:
            connection = self._connection
            if connection is None:
                connection = self._connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
                # Callers have a time budget; a second timeout per packet would double the cost.
                connection.socket_timeout = None
            try:
                if not connection.is_connected:
                    await connection.connect()
                await connection.send_packed_command(_pack(commands), check_health=False)
                return [await connection.read_response() for _ in commands]
            except BaseException:
                # Close even when cancelled: outstanding replies must not be taken for those of the next commands.
                await self.close()
                raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


def _pack(commands: Sequence[Command]) -> bytes:
    return b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]


class RedisGuard:
    """A time budget and a circuit breaker for calls to Redis on the path of a redirect.

    After a failure, calls are refused for a pause; then one may try. While the recorder retries, for which no answer
    waits, only the recorder may: only the first requests notice a Redis that hangs. The first pause is short, so that a
    brief delay does not send a busy process to the database for long; each failure after a pause doubles it.
    """

    def __init__(self, budget_s: float) -> None:
        self.budget_s = budget_s
        self._pause_s = MIN_PAUSE_S
        self._closed_until = 0.0
        self._recorder_tried_at_s = float("-inf")
        # Whether the last call succeeded; otherwise callers that can wait leave retrying to others.
        self.is_well = True

    @property
    def is_open(self) -> bool:
        return time.monotonic() >= self._closed_until

    @property
    def opens_in_s(self) -> float:
        """Remaining seconds of the pause."""
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
        # Of calls that fail together only the first counts.
        if self.is_open:
            self._closed_until = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)


@contextlib.contextmanager
def needing_redis() -> Iterator[None]:
    """Raises ServiceUnavailable instead of the errors of Redis."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise ServiceUnavailable("Redis does not answer. Try again.", headers={"Retry-After": "5"}) from error
