"""The in-process level in front of Redis."""

import time

import msgspec
from cachebox import LRUCache

from shortener.redirect.cache import Absent, Cached, Found
from shortener.stores.invalidations import UNINFORMED_LIFETIME_S


class _Entry(msgspec.Struct, frozen=True, gc=False):
    value: Cached
    stored_at_s: float


class MemoryLevel:
    """At most `size` targets, and a quarter as many missing codes; the least recently used leave first.

    Apart, so that somebody who tries codes cannot drive out the links that people follow.
    """

    def __init__(self, size: int) -> None:
        self._targets: LRUCache[str, _Entry] = LRUCache(size)
        self._missing: LRUCache[str, _Entry] = LRUCache(max(size // 4, 1))
        self.lifetime_s = UNINFORMED_LIFETIME_S
        self._doubted_at_s = 0.0

    def get(self, code: str) -> Found | None:
        """The value while it is fresh, else None. An alias has that of its link."""
        value = self._fresh(code)
        if isinstance(value, str):
            value = self._fresh(value)
        return None if isinstance(value, str) else value

    def _fresh(self, code: str) -> Cached | None:
        entry = self._targets.get(code) or self._missing.get(code)
        if entry is None or entry.stored_at_s <= self._doubted_at_s:
            return None
        if entry.stored_at_s + self.lifetime_s < time.monotonic():
            return None
        return entry.value

    def get_stale(self, code: str) -> Found | None:
        """The value however old: for when neither Redis nor the database answers."""
        value = self._kept(code)
        if isinstance(value, str):
            value = self._kept(value)
        return None if isinstance(value, str) else value

    def _kept(self, code: str) -> Cached | None:
        entry = self._targets.get(code) or self._missing.get(code)
        return None if entry is None else entry.value

    def put(self, code: str, value: Cached) -> None:
        level, other = self._targets, self._missing
        if value is Absent.MISSING:
            level, other = other, level
        other.pop(code, None)
        level[code] = _Entry(value, time.monotonic())

    def drop(self, code: str) -> None:
        self._targets.pop(code, None)
        self._missing.pop(code, None)

    def doubt(self) -> None:
        """Trust nothing that is here; it stays for when neither Redis nor the database answers."""
        self._doubted_at_s = time.monotonic()
