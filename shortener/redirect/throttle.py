"""Limits of redirects and misses: counted in the process, reconciled with Redis in the round trip that stores clicks.

A process knows of the others' counts as of its last round trip. Beyond its quota a client therefore gets, at most, what
it had in flight in each process when the quota was used up, which is no more than its open connections, and what each
process keeps to itself of clients that ask rarely: a fiftieth of the quota, and no more than 16.
"""

import time
from math import ceil
from typing import Any

from cachebox import LRUCache

from shortener.limits.keys import LimitKeys
from shortener.limits.policies import LimitVerdict, policy_of
from shortener.settings.values import Rate
from shortener.stores.redis import Command

# Clients that are remembered for each policy; one that is forgotten is known again after its next round trip.
MAX_CLIENTS = 50_000
# Most clients follow a link or two: so much of a quota, and no more than so many, is used before Redis is told.
UNTOLD_SHARE = 1 / 50
MAX_UNTOLD = 16

# KEYS: counters. ARGV: cost, and ms to the window's end as far as is known here, two a counter. Returns, two a counter:
# used, ms to the window's end.
_SCRIPT = """
local answer = {}
for i, key in ipairs(KEYS) do
  local used, left = redis.call('INCRBY', key, ARGV[2*i-1]), redis.call('PTTL', key)
  if left <= 0 then
    left = tonumber(ARGV[2*i])
    redis.call('PEXPIRE', key, left)
  end
  answer[2*i-1], answer[2*i] = used, left
end
return answer
"""


class _Count:
    """One client's use of a policy: `used` in all, of which `unsent` are not yet known to Redis."""

    __slots__ = ("ends_at_s", "is_waiting", "unsent", "used")

    def __init__(self, window_s: int, now_s: float) -> None:
        self.ends_at_s = now_s + window_s
        self.used = 0
        self.unsent = 0
        self.is_waiting = False


class _Limit:
    """A policy, and what is known of its clients."""

    __slots__ = ("counts", "policy", "quota", "untold", "window_s")

    def __init__(self, name: str, rate: Rate) -> None:
        self.policy = policy_of(name, rate)
        self.quota, self.window_s = rate
        self.untold = min(int(rate.quota * UNTOLD_SHARE), MAX_UNTOLD)
        self.counts: LRUCache[str, _Count] = LRUCache(MAX_CLIENTS)

    def verdict(self, count: _Count, is_allowed: bool, now_s: float) -> LimitVerdict:
        remaining = self.quota - count.used
        return LimitVerdict(self.policy, is_allowed, max(0, remaining), ceil(count.ends_at_s - now_s))


class Throttle:
    """Decides at once; rides along with the recorder's round trips. While Redis is away each process counts alone."""

    def __init__(self, rates: dict[str, Rate | None], keys: LimitKeys) -> None:
        self._keys = keys
        self._limits = {policy: _Limit(policy, rate) for policy, rate in rates.items() if rate is not None}
        self._unsent: dict[str, _Count] = {}
        self._sent: list[tuple[str, _Count, int]] = []

    def exhausted(self, policy: str, client: str, now_s: float) -> LimitVerdict | None:
        """The refusal of one more request; None while something is left, or the policy is off."""
        limit = self._limits.get(policy)
        count = None if limit is None else limit.counts.get(client)
        if limit is None or count is None or count.ends_at_s <= now_s or count.used < limit.quota:
            return None
        return limit.verdict(count, False, now_s)

    def charge(self, policy: str, client: str, now_s: float) -> LimitVerdict | None:
        """Count one request, unless none is left; None when the policy is off. `now_s` is the monotonic clock's."""
        limit = self._limits.get(policy)
        if limit is None:
            return None
        count = limit.counts.get(client)
        if count is None or count.ends_at_s <= now_s:
            count = limit.counts[client] = _Count(limit.window_s, now_s)
        if count.used >= limit.quota:
            return limit.verdict(count, False, now_s)
        count.used += 1
        count.unsent += 1
        if not count.is_waiting and count.used > limit.untold:
            count.is_waiting = True
            self._unsent[self._keys.key(policy, client)] = count
        return limit.verdict(count, True, now_s)

    def refund(self, policy: str, client: str) -> None:
        """Take back one request that was counted."""
        limit = self._limits.get(policy)
        count = None if limit is None else limit.counts.get(client)
        if count is not None:
            count.used -= 1
            count.unsent -= 1

    @property
    def is_waiting(self) -> bool:
        """Whether there is something that Redis does not know."""
        return bool(self._unsent)

    def board(self) -> list[Command]:
        """What Redis does not know, as commands for the next round trip."""
        if not self._unsent:
            return []
        keys: list[str] = list(self._unsent)
        args: list[int] = []
        now_s = time.monotonic()
        for key, count in self._unsent.items():
            self._sent.append((key, count, count.unsent))
            args += [count.unsent, max(1, int((count.ends_at_s - now_s) * 1000))]
            count.unsent, count.is_waiting = 0, False
        self._unsent = {}
        return [("EVAL", _SCRIPT, len(keys), *keys, *args)]

    def arrive(self, replies: list[Any]) -> None:
        """Take over what Redis says of all processes together."""
        sent, self._sent = self._sent, []
        if not sent:
            return
        now_s = time.monotonic()
        answer: list[int] = replies[0]
        for (_, count, _), used, left_ms in zip(sent, answer[::2], answer[1::2], strict=True):
            count.used = used + count.unsent
            count.ends_at_s = now_s + left_ms / 1000

    def strand(self) -> None:
        """The round trip failed: what it carried takes the next."""
        sent, self._sent = self._sent, []
        for key, count, unsent in sent:
            count.unsent += unsent
            count.is_waiting = True
            self._unsent[key] = count
