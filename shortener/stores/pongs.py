"""Whether Redis still answers on a connection that listens to messages."""

import time

PING_INTERVAL_S = 0.2
DEADLINE_S = 0.8


class Pongs:
    """Notices that pongs stay away. The time that this process itself stood still does not count: a ping that it could
    not send has no pong, and one that has come was not read."""

    def __init__(self) -> None:
        self._last_at_s = time.monotonic()

    def came(self) -> None:
        self._last_at_s = time.monotonic()

    def nothing_came(self, since_s: float, timeout_s: float) -> None:
        """After a read that began at this time of the monotonic clock and was to wait so long. Raises TimeoutError."""
        now_s = time.monotonic()
        self._last_at_s += max(0.0, now_s - since_s - timeout_s)
        if now_s - self._last_at_s > DEADLINE_S:
            raise TimeoutError("Redis sends no pong")
