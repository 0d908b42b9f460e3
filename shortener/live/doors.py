"""How many connections are open, in all and by user."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from shortener.errors import ServiceUnavailable, TooManyRequests
from shortener.live.metrics import LIVE_LISTENERS

_LATER = {"Retry-After": "10"}


class TooManyListeners(TooManyRequests):
    """You have as many live connections as one user may have (`SHORTENER_LIVE_CONNECTIONS_PER_USER`).

    Close one, or subscribe to several channels with one.
    """

    type, title = "too-many-listeners", "Too many listeners"

    def __init__(self) -> None:
        super().__init__("You have too many live connections. One can have several channels.", headers=_LATER)


class NoRoomForListeners(ServiceUnavailable):
    def __init__(self) -> None:
        super().__init__("This process has too many live connections. Try again later.", headers=_LATER)


class Doors:
    """Counts connections. All without an account count as one user's."""

    def __init__(self, max_connections: int, max_of_user: int) -> None:
        self._max_connections = max_connections
        self._max_of_user = max_of_user
        self._of_user: Counter[int | None] = Counter()

    @contextmanager
    def entered(self, user_id: int | None) -> Iterator[None]:
        """The connection counts until it is closed, even after the service has dropped it: a client that reads nothing
        keeps it open. Raises TooManyListeners, NoRoomForListeners."""
        if self._of_user[user_id] >= self._max_of_user:
            raise TooManyListeners
        if self._of_user.total() >= self._max_connections:
            raise NoRoomForListeners
        self._of_user[user_id] += 1
        LIVE_LISTENERS.inc()
        try:
            yield
        finally:
            self._of_user[user_id] -= 1
            self._of_user += Counter()
            LIVE_LISTENERS.dec()
