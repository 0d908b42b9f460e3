"""Counts of the most frequent keys of a stream, in bounded memory (Misra and Gries 1982, with the bounds of
Space-Saving). Pure."""

import heapq
from collections.abc import Mapping

import msgspec

# Kind and path.
Key = tuple[str, str]


class Count(msgspec.Struct, array_like=True, gc=False):
    """`count` is at least the true number, and `count - error` at most. `last_ms` is in milliseconds since the
    epoch."""

    count: int
    error: int
    last_ms: int


class Frequent:
    """The counts of about `size` keys. No key that is missing was counted more often than `floor`, which is at most the
    number of all that were counted, divided by `size`."""

    def __init__(self, size: int, counts: Mapping[Key, Count] | None = None, floor: int = 0) -> None:
        self.counts = dict(counts or {})
        self.floor = floor
        self._size = size

    def add(self, key: Key, at_ms: int) -> None:
        """Holds twice `size` keys at most, so that few additions have to cut."""
        known = self.counts.get(key)
        if known is not None:
            known.count += 1
            known.last_ms = at_ms
            return
        if len(self.counts) >= 2 * self._size:
            self.cut()
        # Any number up to the floor may have been forgotten.
        self.counts[key] = Count(self.floor + 1, self.floor, at_ms)

    def merge(self, other: "Frequent") -> None:
        """Add the counts of another stream."""
        for key, mine in self.counts.items():
            theirs = other.counts.get(key) or Count(other.floor, other.floor, 0)
            self.counts[key] = _sum(mine, theirs)
        forgotten = Count(self.floor, self.floor, 0)
        for key in other.counts.keys() - self.counts.keys():
            self.counts[key] = _sum(forgotten, other.counts[key])
        self.floor += other.floor
        self.cut()

    def cut(self) -> None:
        """Keep the `size` most frequent keys; of equal ones the latest."""
        if len(self.counts) <= self._size:
            return
        largest = heapq.nlargest(self._size + 1, self.counts.items(), key=lambda item: (item[1].count, item[1].last_ms))
        *kept, (_, dropped) = largest
        self.counts = dict(kept)
        self.floor = max(self.floor, dropped.count)


def _sum(one: Count, other: Count) -> Count:
    return Count(one.count + other.count, one.error + other.error, max(one.last_ms, other.last_ms))
