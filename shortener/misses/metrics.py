"""Metrics of misses."""

from shortener.observability.metrics import counter

MISSES_LOST = counter("misses_lost", "Misses that will never be counted.", "reason")
