"""Clicks as listeners hear of them: each one while there are few, and sums with samples while there are many. Pure."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from shortener.links.ids import link_id_of

# Per channel.
MESSAGES_PER_S = 10
# Links of one channel whose clicks wait. Clicks of further ones are not announced until there is room.
MAX_PENDING = 1000


class _Pending:
    """Clicks of one link that are not announced yet, and the link's total of people's clicks by now."""

    __slots__ = ("bots", "people", "samples", "total")

    def __init__(self) -> None:
        self.people = self.bots = self.total = 0
        self.samples: deque[dict[str, Any] | None] = deque(maxlen=MESSAGES_PER_S)


class ClickChannel:
    """The clicks of one channel, at most MESSAGES_PER_S messages per second. Their counts add up to all clicks."""

    def __init__(self) -> None:
        self._pending: dict[int, _Pending] = {}
        self._sent_at_s: deque[float] = deque(maxlen=MESSAGES_PER_S)

    @property
    def is_waiting(self) -> bool:
        return bool(self._pending)

    def add(self, link_id: int, people: int, bots: int, total: int, samples: list[dict[str, Any]]) -> None:
        """`total` is the link's with these clicks or a later one, so it never goes back."""
        pending = self._pending.get(link_id)
        if pending is None:
            if len(self._pending) >= MAX_PENDING:
                return
            pending = self._pending[link_id] = _Pending()
        pending.people += people
        pending.bots += bots
        pending.total = max(pending.total, total)
        pending.samples.extend(samples)

    def due(self, now_s: float) -> Iterator[dict[str, Any]]:
        """The data of messages that may be sent now."""
        while self._pending and (room := self._room(now_s)):
            link_id, pending = next(iter(self._pending.items()))
            yield from self._of_link(link_id, pending, room, now_s)
            # Other links have their turn before its next clicks.
            del self._pending[link_id]

    def _room(self, now_s: float) -> int:
        while self._sent_at_s and self._sent_at_s[0] <= now_s - 1:
            self._sent_at_s.popleft()
        # Of what is left, each other link may need one message.
        room = MESSAGES_PER_S - len(self._sent_at_s)
        return min(room, max(1, room - len(self._pending) + 1))

    def _of_link(self, link_id: int, pending: _Pending, room: int, now_s: float) -> Iterator[dict[str, Any]]:
        """One message per sample, of which the last has all clicks that are left."""
        samples = list(pending.samples)[:room] or [None]
        for n, sample in enumerate(samples, 1):
            is_bot = sample is not None and sample["bot"] is not None
            is_last = n == len(samples)
            people = pending.people if is_last else int(not is_bot)
            bots = pending.bots if is_last else int(is_bot)
            pending.people -= people
            pending.bots -= bots
            self._sent_at_s.append(now_s)
            yield {
                "link": link_id_of(link_id),
                "count": people,
                "bots": bots,
                "total": pending.total,
                "click": sample,
            }
