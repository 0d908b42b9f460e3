"""Metrics; docs/operations.md explains each.

Under a supervisor the values are in files that all processes share with it (see `exposition`); gauges then need a mode
that says how to combine processes. A metric without labels is 0 in every process that imports it; where that would be
wrong, a label limits it to the processes that know the value. Labels never have values that clients choose.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()
REGISTRY = CollectorRegistry()

LATENCIES_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


def counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"shortener_{name}", text, labels, registry=REGISTRY)


def gauge(name: str, text: str, *labels: str, mode: str) -> Gauge:
    return Gauge(f"shortener_{name}", text, labels, registry=REGISTRY, multiprocess_mode=mode)  # type: ignore[arg-type]


def histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(f"shortener_{name}", text, labels, registry=REGISTRY, buckets=buckets)


DATABASE_CONNECTIONS = gauge("database_connections", "Connections in use.", "process", "server", mode="livesum")
PROCESS_MEMORY_BYTES = gauge("process_memory_bytes", "Resident memory.", "process", mode="liveall")
PROCESS_STARTED_SECONDS = gauge("process_started_seconds", "Unix time of the start.", "process", mode="liveall")
PROCESS_CPU_SECONDS = counter("process_cpu_seconds", "Processor time.", "process")
BUILD_INFO = gauge("build_info", "Always 1.", "version", "python", mode="livemax")
