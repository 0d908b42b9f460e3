"""Metrics of requests."""

from shortener.observability.metrics import LATENCIES_S, counter, histogram

REQUEST_SECONDS = histogram(
    "request_seconds", "All requests except redirects, by route.", "method", "route", "status", buckets=LATENCIES_S
)
CONNECTIONS_DROPPED = counter("connections_dropped", "Connections closed because of their client.", "reason")
