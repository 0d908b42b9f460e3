"""Metrics of Redis."""

from shortener.observability.metrics import counter, gauge

INVALIDATIONS_UP = gauge("invalidations_up", "Whether Redis tells the process of changes.", "process", mode="liveall")

REDIS_UNAVAILABLE = counter("redis_unavailable", "Times that a part continued without Redis.", "part")
