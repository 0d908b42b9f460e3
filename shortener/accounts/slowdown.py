"""Failed logins slow down an account and a client. They are counted in Redis, and by each process alone while Redis is
down."""

import time
from collections.abc import Sequence

from cachebox import LRUCache
from redis.asyncio import Redis

from shortener.errors import TooManyRequests
from shortener.limits.keys import LimitKeys
from shortener.limits.local import MAX_CLIENTS
from shortener.stores.redis import RedisGuard, RedisUnavailable

# This many failures cost nothing; each further one doubles the pause.
FREE_FAILURES = 10
MAX_PAUSE_S = 900
# After this long without a failure, earlier ones are forgotten.
FORGET_S = 3600

# KEYS: counters, each a hash of failures and the time (ms) at which the pause ends. Returns the longest wait in ms.
_ASK = """
local t = redis.call('TIME')
local now, wait = t[1] * 1000 + math.floor(t[2] / 1000), 0
for _, key in ipairs(KEYS) do
  wait = math.max(wait, tonumber(redis.call('HGET', key, 'until') or '0') - now)
end
return wait
"""
# ARGV: free failures, longest pause and memory in s.
_FAIL = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for _, key in ipairs(KEYS) do
  local n = redis.call('HINCRBY', key, 'failures', 1) - tonumber(ARGV[1])
  if n >= 0 then redis.call('HSET', key, 'until', now + 1000 * math.min(2 ^ n, tonumber(ARGV[2]))) end
  redis.call('EXPIRE', key, ARGV[3])
end
"""


class TooManyFailures(TooManyRequests):
    """Ten passwords were wrong for this account or from this client. Each further wrong one doubles the pause.

    Wait for `Retry-After` seconds.
    """

    type, title = "too-many-failures", "Too many failures"

    def __init__(self, wait_s: int) -> None:
        super().__init__(
            f"Too many wrong passwords. Try again in {wait_s} seconds.", headers={"Retry-After": str(wait_s)}
        )


class Slowdown:
    """Identifies an account by its email address, whether or not it exists."""

    def __init__(self, redis: Redis, guard: RedisGuard, keys: LimitKeys) -> None:
        self._redis = redis
        self._guard = guard
        self._keys = keys
        self._ask = redis.register_script(_ASK)
        self._fail = redis.register_script(_FAIL)
        # Failures, the end of the pause, and when they are forgotten; on the monotonic clock.
        self._local: LRUCache[str, tuple[int, float, float]] = LRUCache(MAX_CLIENTS)

    async def ask(self, email: str, client: str) -> None:
        """Raises TooManyFailures during a pause."""
        names = self._names(email, client)
        try:
            wait_s = await self._guard.call("login", self._ask(names)) / 1000
        except RedisUnavailable:
            now_s = time.monotonic()
            wait_s = max(self._count(name, now_s)[1] - now_s for name in names)
        if wait_s > 0:
            raise TooManyFailures(int(-(-wait_s // 1)))

    async def fail(self, email: str, client: str) -> None:
        names = self._names(email, client)
        try:
            await self._guard.call("login", self._fail(names, [FREE_FAILURES, MAX_PAUSE_S, FORGET_S]))
        except RedisUnavailable:
            self._fail_alone(names)

    async def succeed(self, email: str, client: str) -> None:
        """Forget the account's failures. The client's stay: they may concern other accounts."""
        name, _ = self._names(email, client)
        self._local.pop(name, None)
        try:
            await self._guard.call("login", self._redis.delete(name))
        except RedisUnavailable:
            return

    def _names(self, email: str, client: str) -> Sequence[str]:
        return self._keys.key("failures", f"account:{email}"), self._keys.key("failures", f"client:{client}")

    def _count(self, name: str, now_s: float) -> tuple[int, float, float]:
        found = self._local.get(name)
        return found if found is not None and found[2] > now_s else (0, 0.0, 0.0)

    def _fail_alone(self, names: Sequence[str]) -> None:
        now_s = time.monotonic()
        for name in names:
            failures, until_s, _ = self._count(name, now_s)
            failures += 1
            if failures >= FREE_FAILURES:
                until_s = now_s + min(2 ** (failures - FREE_FAILURES), MAX_PAUSE_S)
            self._local[name] = (failures, until_s, now_s + FORGET_S)
