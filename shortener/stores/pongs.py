"""Whether Redis still answers on a connection that listens to messages."""

import time

PING_INTERVAL_S = 0.2
DEADLINE_S = 0.8


class Pongs:
    """Notices that no pong comes. The time that this process itself stood still does not count: it could neither send a
    ping nor read the pong."""

    def __init__(self) -> None:
        self._last_at_s = time.monotonic()

    def came(self) -> None:
        self._last_at_s = time.monotonic()

    def nothing_came(self, since_s: float, timeout_s: float) -> None:
        """After a read with this timeout, which began at this time of the monotonic clock. Raises TimeoutError."""
        now_s = time.monotonic()
        self._last_at_s += max(0.0, now_s - since_s - timeout_s)
        if now_s - self._last_at_s > DEADLINE_S:
            raise TimeoutError("Redis sends no pong")
