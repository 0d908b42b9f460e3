"""Metrics of the workers."""

from shortener.observability.metrics import counter, gauge, histogram

_ROUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ROUND_SIZES = (1, 10, 100, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000)
CLICK_BATCHES_DEAD = counter("click_batches_dead", "Batches moved to the dead letters.", "reason")
CLICK_STREAM_MISSING = counter("click_stream_missing", "Times that the worker's stream or its group was gone.")

DRAIN_SECONDS = histogram("drain_seconds", "Duration of a round that was written.", buckets=_ROUNDS_S)
DRAIN_CLICKS = histogram("drain_clicks", "Clicks in a round that was written.", buckets=_ROUND_SIZES)
DRAIN_FAILURES = counter("drain_failures", "Rounds that failed and are tried again, by error.", "reason")
STREAM_ENTRIES = gauge("stream_entries", "Batches in the stream.", "stream", mode="livemax")
STREAM_LAG = gauge("stream_lag", "Batches that no worker has taken yet.", "stream", mode="livemax")
STREAM_PENDING = gauge("stream_pending", "Batches taken and not yet written.", "stream", mode="livemax")
STREAM_OLDEST_SECONDS = gauge("stream_oldest_seconds", "Age of the oldest batch.", "stream", mode="livemax")
LEDGER_BATCHES = gauge("ledger_batches", "Batches the ledger knows, as estimated.", "table", mode="livemax")
