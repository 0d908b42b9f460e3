"""Group commit: clicks that arrive together go into the stream together, and their answers leave once they are stored.

As in a database's log, the next batch gathers while one is in transit, so batches grow with the load and no click waits
for a timer.
"""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import structlog

from shortener.clicks.event import Batch, Click, new_batch
from shortener.clicks.metrics import (
    CLICK_BATCH_SIZE,
    CLICKS_BUFFERED,
    CLICKS_DEFERRED,
    CLICKS_DIRECT,
    CLICKS_LOST,
    REDIRECT_SECONDS,
)
from shortener.event_loop.tasks import call_safely, end
from shortener.parts import Part
from shortener.stores.redis import RECORDER, Command, RedisGuard, RedisUnavailable

log = structlog.get_logger(__name__)

MAX_BATCH = 512
RETRY_INTERVAL_S = 0.25
# For this long only the stream is tried; after it, the database as well.
DIRECT_AFTER_S = 1.0
MAX_BATCHES_A_TRY = 32
# Enriching takes about 20 us per click, during which the process answers no requests.
MAX_CLICKS_A_DIRECT_TRY = 500


class Rider(Protocol):
    """Commands that share the recorder's round trips to Redis (piggybacking)."""

    @property
    def is_waiting(self) -> bool:
        """Whether it needs another round trip after the last one."""

    def board(self) -> list[Command]:
        """Its commands for the round trip that starts now."""

    def arrive(self, replies: list[Any]) -> None:
        """The replies to its commands. Must not raise: the clicks of the same round trip are stored."""

    def strand(self) -> None:
        """The round trip failed, or did not start because Redis is down: it must not wait for another."""


class Sink(Protocol):
    """Stores batches durably."""

    def append(self, batches: list[Batch], riders: Sequence[Rider] = ()) -> Awaitable[None]: ...


WriteDirectly = Callable[[Sequence[Batch]], Awaitable[None]]

# Named here, not in `parts.py`: the redirect imports the recorder, and nothing of the pipeline behind it.
SINK = Part[Sink]("sink of clicks")
WRITE_DIRECTLY = Part[WriteDirectly]("direct writer of clicks")


class Recorder:
    """Stores clicks; an answer is released once its click is in the stream.

    If Redis does not answer within its budget, answers are released anyway, and their clicks wait in a buffer of at
    most `buffer_size` until the stream or `write_directly` accepts them. Batches keep their ids, so a batch whose first
    attempt did arrive is counted once. Beyond the bound the oldest are lost, and counted as lost.

    With `answers_at_once` no answer waits for the stream: a kill -9 loses the gathering batch and the one in transit,
    which are at most the clicks of two round trips.

    `settle` is called per batch, before its answers leave.
    """

    def __init__(
        self,
        stream: Sink,
        guard: RedisGuard,
        write_directly: WriteDirectly,
        buffer_size: int,
        riders: Sequence[Rider] = (),
        answers_at_once: bool = False,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self._answers_at_once = answers_at_once
        self._settle = settle
        self._stream = stream
        self._guard = guard
        self._write_directly = write_directly
        self._buffer_size = buffer_size
        self._riders = riders
        self._gathering: list[Click] = []
        self._waiting: list[Callable[[], None]] = []
        self._gathering_since_s = 0.0
        self._sender: asyncio.Task[None] | None = None
        self._buffer: deque[Batch] = deque()
        self._buffered = 0
        self._retrier: asyncio.Task[None] | None = None

    def record(self, click: Click, then: Callable[[], None]) -> None:
        """Add a click to the next batch; `then` is called once it is stored or waits in the buffer."""
        if not self._gathering:
            self._gathering_since_s = time.perf_counter()
        self._gathering.append(click)
        if self._answers_at_once:
            # Not called directly: an answer starts the connection's next request, and so on without end.
            asyncio.get_running_loop().call_soon(call_safely, then)
        else:
            self._waiting.append(then)
        if self._sender is None:
            self.carry()

    async def store(self, click: Click) -> None:
        """Record the click, and wait for it."""
        stored = asyncio.get_running_loop().create_future()
        self.record(click, lambda: None if stored.done() else stored.set_result(None))
        await stored

    def carry(self) -> None:
        """Make waiting clicks and commands leave with the next round trip."""
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())

    @property
    def is_sending(self) -> bool:
        """Whether clicks or commands are on their way."""
        return self._sender is not None

    @property
    def buffered(self) -> int:
        """Clicks that are answered but not yet stored."""
        return self._buffered

    async def close(self) -> None:
        """Store the remaining clicks; those that neither Redis nor the database accepts are lost, and counted."""
        while self._sender is not None:
            await self._sender
        if self._retrier is not None:
            await end(self._retrier)
        while self._buffer:
            if not await self._try_stream() and not await self._try_database():
                log.error("clicks_lost", clicks=self._buffered, reason="shutdown")
                CLICKS_LOST.labels("shutdown").inc(self._buffered)
                CLICKS_BUFFERED.set(0)
                return

    async def _send(self) -> None:
        try:
            while True:
                clicks, self._gathering = self._gathering, []
                waiting, self._waiting = self._waiting, []
                since_s = self._gathering_since_s
                batches = [new_batch(clicks[i : i + MAX_BATCH]) for i in range(0, len(clicks), MAX_BATCH)]
                failure: str | None = None
                if clicks and not self._guard.is_well:
                    # Only the retrier tries Redis now, so that no answer waits for a Redis that is still down.
                    failure = "redis_unavailable"
                elif clicks or self._has_riders():
                    failure = await self._append(batches, self._riders)
                if failure is not None:
                    self._defer(batches, failure)
                    for rider in self._riders:
                        rider.strand()
                self._settle()
                for then in waiting:
                    call_safely(then)
                if clicks:
                    REDIRECT_SECONDS.observe(time.perf_counter() - since_s)
                # After a failure riders wait for the next click; alone they would retry without end.
                if not self._gathering and (failure is not None or not self._has_riders()):
                    return
        finally:
            self._sender = None

    def _has_riders(self) -> bool:
        return any(rider.is_waiting for rider in self._riders)

    async def _append(self, batches: list[Batch], riders: Sequence[Rider] = ()) -> str | None:
        """None if the batches are in the stream, otherwise the reason."""
        try:
            # Without clicks, requests wait for the riders, and should not be the ones to retry a Redis that is down.
            part = RECORDER if batches else "cache"
            await self._guard.call(part, self._stream.append(batches, riders))
        except RedisUnavailable:
            return "redis_unavailable"
        except Exception as error:  # Whatever fails in the stream, the clicks must not be lost.
            log.error("clicks_not_appended", exc_info=error)
            return "stream_failed"
        for batch in batches:
            CLICK_BATCH_SIZE.observe(len(batch.clicks))
        return None

    def _defer(self, batches: list[Batch], reason: str) -> None:
        for batch in batches:
            self._buffer.append(batch)
            self._buffered += len(batch.clicks)
            CLICKS_DEFERRED.labels(reason).inc(len(batch.clicks))
        while self._buffered > self._buffer_size:
            lost = len(self._buffer.popleft().clicks)
            self._buffered -= lost
            CLICKS_LOST.labels("buffer_full").inc(lost)
            log.error("clicks_lost", clicks=lost, reason="buffer_full")
        CLICKS_BUFFERED.set(self._buffered)
        if self._buffer and (self._retrier is None or self._retrier.done()):
            self._retrier = asyncio.create_task(self._retry())

    async def _retry(self) -> None:
        loop = asyncio.get_running_loop()
        direct_at = loop.time() + DIRECT_AFTER_S
        while self._buffer:
            if not await self._try_stream() and not (loop.time() >= direct_at and await self._try_database()):
                await asyncio.sleep(self._guard.opens_in_s or RETRY_INTERVAL_S)

    async def _try_stream(self) -> bool:
        batches = self._next_batches()
        if await self._append(batches) is not None:
            return False
        self._taken(batches)
        return True

    async def _try_database(self) -> bool:
        batches = self._next_batches(MAX_CLICKS_A_DIRECT_TRY)
        try:
            await self._write_directly(batches)
        except Exception as error:  # Whatever fails in the writer, the clicks must stay in the buffer.
            log.warning("clicks_not_written", error=repr(error))
            return False
        CLICKS_DIRECT.inc(sum(len(batch.clicks) for batch in batches))
        self._taken(batches)
        return True

    def _next_batches(self, max_clicks: int = MAX_BATCHES_A_TRY * MAX_BATCH) -> list[Batch]:
        """The oldest batches, at least one."""
        batches: list[Batch] = []
        clicks = 0
        for batch in itertools.islice(self._buffer, MAX_BATCHES_A_TRY):
            clicks += len(batch.clicks)
            if batches and clicks > max_clicks:
                break
            batches.append(batch)
        return batches

    def _taken(self, batches: list[Batch]) -> None:
        """Remove these batches from the buffer, except those that the bound has already dropped."""
        for batch in batches:
            if self._buffer and self._buffer[0] is batch:
                self._buffer.popleft()
                self._buffered -= len(batch.clicks)
        CLICKS_BUFFERED.set(self._buffered)
