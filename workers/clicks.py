"""Drains the click stream into PostgreSQL."""

import asyncio
import contextlib
import time
from collections.abc import Sequence

import asyncpg
import structlog
from redis.exceptions import RedisError, ResponseError
from sqlalchemy.exc import SQLAlchemyError

from shortener.clicks.event import Batch
from shortener.clicks.stream import ClickStream, Entry, UnreadableEntry
from shortener.clicks.writer import ClickWriter, Written
from shortener.places.locator import Locate, built_in
from shortener.stores.database import Database
from shortener.stores.outage import is_database_down
from workers.metrics import CLICK_BATCHES_DEAD, CLICK_STREAM_MISSING, DRAIN_CLICKS, DRAIN_FAILURES, DRAIN_SECONDS

log = structlog.get_logger(__name__)

# The more clicks a round has, the fewer rows of counts there are to update for each.
ENTRIES_A_ROUND = 800
CLICKS_A_ROUND = 40_000
# While one round waits for the database, the next is read and prepared.
ROUNDS_AT_ONCE = 2
# Under load, clicks are gathered this long for a round, unless there are enough for a full one.
GATHER_S = 1.0
GATHER_FROM_ENTRIES = 20
# A worker must be finished with a round, or dead, before another takes it over. Taking it too early only wastes work:
# the ledger prevents counting twice.
ABANDONED_AFTER_MS = 10_000
CLAIM_INTERVAL_S = 2.0
BLOCK_MS = 500
RETRY_INTERVAL_S = 1.0

# Errors for data that the database will never accept.
_REFUSALS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)


class Drain:
    """One consumer of the stream."""

    def __init__(
        self,
        stream: ClickStream,
        database: Database,
        consumer: str,
        locate: Locate = built_in,
        written: Written = lambda _: None,
    ) -> None:
        self._stream = stream
        self._database = database
        self._consumer = consumer
        self._writer = ClickWriter(locate, written)
        self._stopping = asyncio.Event()
        self._claimed_at_s = 0.0
        self._taking = asyncio.Lock()
        self._gather_until_s = 0.0

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """Finish the round that is being written, then return."""
        self._stopping.set()

    async def run_until_stopped(self) -> int:
        """Write incoming clicks; returns the number of clicks written. Raises RedisError."""
        await self._stream.ensure_group()
        written = 0
        while not self.is_stopping:
            try:
                written += await self._store_or_release(await self._gather())
            except ResponseError as error:
                # The stream was deleted: a new one needs its group again.
                if not str(error).startswith("NOGROUP"):
                    raise
                # All readers notice; only the one that creates it again counts.
                if await self._stream.ensure_group():
                    CLICK_STREAM_MISSING.inc()
            except RedisError:
                raise
            except Exception as error:
                DRAIN_FAILURES.labels(type(error).__name__).inc()
                log.warning("clicks_not_written", error=repr(error))
                self._claimed_at_s = 0.0
                await asyncio.sleep(RETRY_INTERVAL_S)
        return written

    async def run_until_empty(self) -> int:
        """Write the clicks in the stream; returns their number. Raises RedisError and the database's errors."""
        await self._stream.ensure_group()
        written = 0
        while entries := await self._take():
            written += await self._store(entries)
        return written

    async def _gather(self) -> list[Entry]:
        """The next entries; none if the drain is stopped while it waits for them."""
        async with self._taking:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._gather_until_s - time.monotonic())
            if self.is_stopping:
                return []
            entries = await self._take()
            if GATHER_FROM_ENTRIES <= len(entries) < ENTRIES_A_ROUND:
                self._gather_until_s = time.monotonic() + GATHER_S
            return entries

    async def _take(self) -> list[Entry]:
        """Abandoned entries first, because they are the oldest."""
        if time.monotonic() - self._claimed_at_s >= CLAIM_INTERVAL_S:
            entries = await self._stream.claim_abandoned(self._consumer, ENTRIES_A_ROUND, ABANDONED_AFTER_MS)
            if entries:
                return entries
            self._claimed_at_s = time.monotonic()
        return await self._stream.read(self._consumer, ENTRIES_A_ROUND, BLOCK_MS)

    async def _store_or_release(self, entries: list[Entry]) -> int:
        try:
            return await self._store(entries)
        except RedisError:
            raise
        except Exception:
            # Otherwise they would wait, as those of a dead worker do, after the database has come back.
            await self._stream.release(self._consumer, [entry.id for entry in entries], ABANDONED_AFTER_MS)
            raise

    async def _store(self, entries: list[Entry]) -> int:
        written, clicks = 0, 0
        round_: dict[bytes, Entry] = {}
        batches: list[Batch] = []
        for entry in entries:
            try:
                batch = self._stream.open(entry)
            except UnreadableEntry as error:
                await self._bury(entry, str(error))
                continue
            if batches and clicks + len(batch.clicks) > CLICKS_A_ROUND:
                written += await self._store_round(round_, batches)
                round_, batches, clicks = {}, [], 0
            round_[entry.id] = entry
            batches.append(batch)
            clicks += len(batch.clicks)
        return written + (await self._store_round(round_, batches) if batches else 0)

    async def _store_round(self, entries: dict[bytes, Entry], batches: list[Batch]) -> int:
        began_at_s = time.perf_counter()
        try:
            written = await self._write(batches)
        except Exception as error:
            if not _is_refusal(error):
                raise
            return await self._store_singly(list(entries.values()))
        await self._stream.acknowledge(list(entries))
        DRAIN_SECONDS.observe(time.perf_counter() - began_at_s)
        DRAIN_CLICKS.observe(written)
        return written

    async def _store_singly(self, entries: list[Entry]) -> int:
        """Find the batch that the database refuses: it alone goes to the dead letters."""
        written = 0
        for entry in entries:
            try:
                written += await self._write([self._stream.open(entry)])
            except Exception as error:
                if not _is_refusal(error):
                    raise
                log.error("batch_refused", entry=entry.id, exc_info=error)
                await self._bury(entry, type(error).__name__)
            else:
                await self._stream.acknowledge([entry.id])
        return written

    async def _write(self, batches: Sequence[Batch]) -> int:
        async with self._database.driver_connection() as connection:
            return await self._writer.write(connection, batches)

    async def _bury(self, entry: Entry, reason: str) -> None:
        log.error("batch_buried", entry=entry.id, reason=reason)
        CLICK_BATCHES_DEAD.labels(reason).inc()
        await self._stream.bury(entry, reason)


def _is_refusal(error: Exception) -> bool:
    """Whether the batch itself is at fault. Everything else (no database, no table, a deadlock, a failover to a server
    that is still read-only) may pass, and the batch is tried until it does."""
    if isinstance(error, asyncpg.PostgresError):
        return isinstance(error, _REFUSALS)
    return not is_database_down(error) and not isinstance(error, SQLAlchemyError)


async def drain_clicks(drain: Drain) -> None:
    """Drain until stopped, whatever happens meanwhile."""
    await asyncio.gather(*(_drain_on(drain) for _ in range(ROUNDS_AT_ONCE)))


async def _drain_on(drain: Drain) -> None:
    while not drain.is_stopping:
        try:
            await drain.run_until_stopped()
        except Exception as error:  # Without this task no click would be counted, and the worker would seem well.
            DRAIN_FAILURES.labels(type(error).__name__).inc()
            log.warning("drain_interrupted", error=repr(error))
            await asyncio.sleep(RETRY_INTERVAL_S)
