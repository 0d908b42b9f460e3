"""Metrics of redirects."""

from shortener.observability.metrics import counter

REDIRECTS = counter("redirects", "Requests for a code, by what was answered.", "outcome")
RESOLVED = counter("resolved", "Codes resolved, by the level that answered.", "level")


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
