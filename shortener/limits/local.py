"""Limits that a process counts alone."""

import time
from math import ceil

from cachebox import LRUCache

from shortener.limits.policies import LimitVerdict, policy_of
from shortener.settings.values import Rate

# Clients that a process remembers at most.
MAX_CLIENTS = 50_000


class LocalWindows:
    """The same windows, counted in this process alone. Times are the monotonic clock's."""

    def __init__(self) -> None:
        self._counts: LRUCache[str, tuple[int, float]] = LRUCache(MAX_CLIENTS)

    def verdict(self, policy: str, client: str, rate: Rate, cost: int = 1) -> LimitVerdict:
        """Charge the client unless the quota is used up; a cost of 0 only checks."""
        now_s = time.monotonic()
        used, ends_at_s = self._counts.get(client) or (0, 0.0)
        if ends_at_s <= now_s:
            used, ends_at_s = 0, now_s + rate.window_s
        is_allowed = used < rate.quota
        if is_allowed and cost:
            used += cost
            self._counts[client] = (used, ends_at_s)
        left = max(rate.quota - used, 0)
        return LimitVerdict(policy_of(policy, rate), is_allowed, left, ceil(ends_at_s - now_s))
