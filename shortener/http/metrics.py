"""Metrics of requests."""

from shortener.observability.metrics import LATENCIES_S, counter, histogram

REQUEST_SECONDS = histogram(
    "request_seconds", "All requests but redirects, by route.", "method", "route", "status", buckets=LATENCIES_S
)
CONNECTIONS_DROPPED = counter("connections_dropped", "Connections closed for what their client did.", "reason")
