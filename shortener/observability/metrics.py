"""Metrics. Each is explained in docs/operations.md.

Under a supervisor the values lie in files that all processes share with it (see `exposition`); gauges then need a mode
that says how processes add up. A metric without labels is 0 in every process that imports this: where that would say
something wrong, a label keeps it to the processes that know. No label holds what a client has chosen.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()
REGISTRY = CollectorRegistry()

_LATENCIES_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_ROUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_ROUND_SIZES = (1, 10, 100, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"shortener_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str, mode: str) -> Gauge:
    return Gauge(f"shortener_{name}", text, labels, registry=REGISTRY, multiprocess_mode=mode)  # type: ignore[arg-type]


def _histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(f"shortener_{name}", text, labels, registry=REGISTRY, buckets=buckets)


REDIRECTS = _counter("redirects", "Requests for a code, by what was answered.", "outcome")
REDIRECT_SECONDS = _histogram(
    "redirect_seconds", "From a batch's first click to its answers: the slowest of each batch.", buckets=_LATENCIES_S
)
RESOLVED = _counter("resolved", "Codes resolved, by the level that answered.", "level")
INVALIDATIONS_UP = _gauge("invalidations_up", "Whether Redis tells the process of changes.", "process", mode="liveall")
REQUEST_SECONDS = _histogram(
    "request_seconds", "All requests but redirects, by route.", "method", "route", "status", buckets=_LATENCIES_S
)

DESTINATIONS_REFUSED = _counter("destinations_refused", "URLs that were not to be shortened, by reason.", "reason")
CONNECTIONS_DROPPED = _counter("connections_dropped", "Connections closed for what their client did.", "reason")
CLIENTS_REFUSED = _counter("clients_refused", "Requests of banned clients.")
LOGINS_REFUSED = _counter("logins_refused", "Logins that failed, by reason.", "reason")
FEED_CHECKS = _counter("feed_checks", "Destinations that feeds were asked about.", "feed", "verdict")
BLOCK_LIST_LINES = _gauge("block_list_lines", "Lines of the block list: hosts, and bad ones.", "kind", mode="livemax")

CLICK_BATCH_SIZE = _histogram("click_batch_size", "Clicks in a batch that leaves for the stream.", buckets=_SIZES)
CLICKS_DIRECT = _counter("clicks_direct", "Clicks that a web process wrote to the database itself.")
CLICKS_DEFERRED = _counter("clicks_deferred", "Clicks answered before they were stored.", "reason")
CLICKS_BUFFERED = _gauge("clicks_buffered", "Clicks answered and not yet stored.", mode="livesum")
CLICKS_LOST = _counter("clicks_lost", "Clicks that will never be counted.", "reason")

CLICKS_WRITTEN = _counter("clicks_written", "Clicks committed to the database.")
CLICK_BATCHES_REPEATED = _counter("click_batches_repeated", "Batches that were delivered again and skipped.")
CLICK_BATCHES_DEAD = _counter("click_batches_dead", "Batches moved to the dead letters.", "reason")
CLICK_BATCHES_VANISHED = _counter("click_batches_vanished", "Batches deleted from Redis before they were written.")
CLICK_STREAM_MISSING = _counter("click_stream_missing", "Times that the worker's stream or its group was gone.")
CLICK_STEPS_FAILED = _counter("click_steps_failed", "Clicks stored without what a step should have added.", "step")

DRAIN_SECONDS = _histogram("drain_seconds", "Duration of a round that was written.", buckets=_ROUNDS_S)
DRAIN_CLICKS = _histogram("drain_clicks", "Clicks in a round that was written.", buckets=_ROUND_SIZES)
DRAIN_FAILURES = _counter("drain_failures", "Rounds that failed and are tried again, by error.", "reason")
STREAM_ENTRIES = _gauge("stream_entries", "Batches in the stream.", "stream", mode="livemax")
STREAM_LAG = _gauge("stream_lag", "Batches that no worker has taken yet.", "stream", mode="livemax")
STREAM_PENDING = _gauge("stream_pending", "Batches taken and not yet written.", "stream", mode="livemax")
STREAM_OLDEST_SECONDS = _gauge("stream_oldest_seconds", "Age of the oldest batch.", "stream", mode="livemax")
LEDGER_BATCHES = _gauge("ledger_batches", "Batches the ledger knows, as estimated.", "table", mode="livemax")

REDIS_UNAVAILABLE = _counter("redis_unavailable", "Times that a part went on without Redis.", "part")
DATABASE_CONNECTIONS = _gauge("database_connections", "Connections in use.", "process", "server", mode="livesum")
PROCESS_MEMORY_BYTES = _gauge("process_memory_bytes", "Resident memory.", "process", mode="liveall")
PROCESS_STARTED_SECONDS = _gauge("process_started_seconds", "Unix time of the start.", "process", mode="liveall")
PROCESS_CPU_SECONDS = _counter("process_cpu_seconds", "Processor time.", "process")
BUILD_INFO = _gauge("build_info", "Always 1.", "version", "python", mode="livemax")


class Tally:
    """Redirects answered without a task, and how many of them memory knew: plain integers, since a counter's own would
    be felt there. `settle` puts them into the counters, once a batch and before its answers leave."""

    __slots__ = ("from_memory", "redirects")

    def __init__(self) -> None:
        self.redirects = self.from_memory = 0

    def settle(self) -> None:
        if self.redirects:
            _REDIRECTED.inc(self.redirects)
            _FROM_MEMORY.inc(self.from_memory)
            self.redirects = self.from_memory = 0


_REDIRECTED = REDIRECTS.labels("redirected")
_FROM_MEMORY = RESOLVED.labels("memory")
AT_ONCE = Tally()
