"""Group commit: clicks of one moment go into the stream together, and their answers leave when they are in.

As databases do for their log: while one batch is on its way the next one gathers, so batches grow with the load
and nobody waits for a timer.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from shortener.clicks.event import Batch, Click, new_batch
from shortener.redis import RedisGuard, RedisUnavailable
from shortener.telemetry import CLICKS_DEFERRED, CLICKS_LOST

log = structlog.get_logger(__name__)

MAX_BATCH = 512
RETRY_INTERVAL_S = 0.25
# So long the stream alone is tried; then the database is asked to take the clicks directly.
DIRECT_AFTER_S = 1.0
MAX_BATCHES_A_TRY = 32


class Sink(Protocol):
    """Where batches are stored for good."""

    def append(self, batches: list[Batch]) -> Awaitable[None]: ...


class Recorder:
    """Takes clicks and stores them; `record` returns when the click is in the stream.

    When Redis does not answer within its budget, `record` returns all the same, and the clicks wait in a
    buffer of at most `buffer_size` until the stream, or `write_directly`, has taken them. Batches keep their
    ids, so one whose first try did arrive is counted once. Beyond the bound the oldest are lost, and counted as such.
    """

    def __init__(
        self,
        stream: Sink,
        guard: RedisGuard,
        write_directly: Callable[[Sequence[Batch]], Awaitable[None]],
        buffer_size: int,
    ) -> None:
        self._stream = stream
        self._guard = guard
        self._write_directly = write_directly
        self._buffer_size = buffer_size
        self._gathering: list[Click] = []
        self._stored: asyncio.Future[None] | None = None
        self._sender: asyncio.Task[None] | None = None
        self._buffer: deque[Batch] = deque()
        self._buffered = 0
        self._retrier: asyncio.Task[None] | None = None

    def record(self, click: Click) -> "asyncio.Future[None]":
        """Add a click to the batch that is about to leave; done when it is stored, or waits in the buffer."""
        if self._stored is None:
            self._stored = asyncio.get_running_loop().create_future()
        self._gathering.append(click)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())
        # Shielded: a request that is cancelled must not take along those that wait for the same batch.
        return asyncio.shield(self._stored)

    @property
    def buffered(self) -> int:
        """Clicks that are answered and not yet stored."""
        return self._buffered

    async def close(self) -> None:
        """Store what is left; whatever neither Redis nor the database takes is lost, and counted."""
        while self._sender is not None:
            await self._sender
        if self._retrier is not None:
            self._retrier.cancel()
            await asyncio.wait([self._retrier])
        while self._buffer:
            if not await self._try_stream() and not await self._try_database():
                log.error("clicks_lost", clicks=self._buffered, reason="shutdown")
                CLICKS_LOST.labels("shutdown").inc(self._buffered)
                return

    async def _send(self) -> None:
        try:
            while self._gathering:
                clicks, self._gathering = self._gathering, []
                stored, self._stored = self._stored, None
                try:
                    await self._store([new_batch(clicks[i : i + MAX_BATCH]) for i in range(0, len(clicks), MAX_BATCH)])
                finally:
                    if stored is not None and not stored.done():
                        stored.set_result(None)
        finally:
            self._sender = None

    async def _store(self, batches: list[Batch]) -> None:
        if not await self._append(batches):
            self._defer(batches)

    async def _append(self, batches: list[Batch]) -> bool:
        try:
            await self._guard.call("clicks", self._stream.append(batches))
        except RedisUnavailable:
            return False
        except Exception as error:  # Whatever stops the stream, the clicks must not be lost.
            log.error("clicks_not_appended", exc_info=error)
            return False
        return True

    def _defer(self, batches: list[Batch]) -> None:
        for batch in batches:
            self._buffer.append(batch)
            self._buffered += len(batch.clicks)
            CLICKS_DEFERRED.labels("redis_unavailable").inc(len(batch.clicks))
        while self._buffered > self._buffer_size:
            lost = len(self._buffer.popleft().clicks)
            self._buffered -= lost
            CLICKS_LOST.labels("buffer_full").inc(lost)
            log.error("clicks_lost", clicks=lost, reason="buffer_full")
        if self._retrier is None or self._retrier.done():
            self._retrier = asyncio.create_task(self._retry())

    async def _retry(self) -> None:
        loop = asyncio.get_running_loop()
        direct_at = loop.time() + DIRECT_AFTER_S
        while self._buffer:
            if not await self._try_stream() and not (loop.time() >= direct_at and await self._try_database()):
                await asyncio.sleep(RETRY_INTERVAL_S)

    async def _try_stream(self) -> bool:
        batches = self._next_batches()
        if not await self._append(batches):
            return False
        self._taken(batches)
        return True

    async def _try_database(self) -> bool:
        batches = self._next_batches()
        try:
            await self._write_directly(batches)
        except Exception as error:  # Whatever stops the writer, the clicks must stay in the buffer.
            log.warning("clicks_not_written", error=repr(error))
            return False
        self._taken(batches)
        return True

    def _next_batches(self) -> list[Batch]:
        return [self._buffer[i] for i in range(min(len(self._buffer), MAX_BATCHES_A_TRY))]

    def _taken(self, batches: list[Batch]) -> None:
        """Leave what the bound has dropped meanwhile out of the count."""
        for batch in batches:
            if self._buffer and self._buffer[0] is batch:
                self._buffer.popleft()
                self._buffered -= len(batch.clicks)
