"""Metrics of the stream and the ledger."""

import time

from shortener.clicks.stream import DEAD_STREAM, STREAM, ClickStream
from shortener.stores.database import Database
from workers.metrics import LEDGER_BATCHES, STREAM_ENTRIES, STREAM_LAG, STREAM_OLDEST_SECONDS, STREAM_PENDING

LEDGER = "click_batches"
LEDGER_INTERVAL_S = 60.0


class BacklogMetrics:
    """Call every second. Raises RedisError and the database's errors; the gauges then keep their values."""

    def __init__(self, stream: ClickStream, database: Database) -> None:
        self._stream = stream
        self._database = database
        self._ledger_at_s = float("-inf")

    async def __call__(self) -> None:
        backlog = await self._stream.backlog()
        STREAM_ENTRIES.labels(STREAM).set(backlog.entries)
        STREAM_ENTRIES.labels(DEAD_STREAM).set(backlog.dead)
        STREAM_LAG.labels(STREAM).set(backlog.lag)
        STREAM_PENDING.labels(STREAM).set(backlog.pending)
        STREAM_OLDEST_SECONDS.labels(STREAM).set(backlog.oldest_s)
        if time.monotonic() - self._ledger_at_s >= LEDGER_INTERVAL_S:
            self._ledger_at_s = time.monotonic()
            # Counting would read millions of rows; autovacuum maintains this estimate.
            async with self._database.driver_connection() as connection:
                rows = await connection.fetchval("SELECT reltuples FROM pg_class WHERE oid = $1::regclass", LEDGER)
            LEDGER_BATCHES.labels(LEDGER).set(max(0.0, rows))
