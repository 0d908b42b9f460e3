"""Limits per client, user and key, counted in Redis and shared by all processes."""

from collections.abc import Mapping
from math import ceil

from redis.asyncio import Redis
from starlette.types import Scope

from shortener.http.client_address import TrustedProxies, client_network
from shortener.limits.identity import IDENTITY_KEY, Identity
from shortener.limits.keys import LimitKeys
from shortener.limits.local import LocalWindows
from shortener.limits.policies import LimitVerdict, policy_of
from shortener.settings import Settings
from shortener.settings.values import Rate
from shortener.stores.redis import RedisGuard, RedisUnavailable

# Where in an ASGI scope the verdict is that its answer tells of.
VERDICT_KEY = "shortener.rate_limit"

# KEYS: the counter. ARGV: quota, window in ms, cost. Charges the cost unless the quota is used up; the last request may
# exceed it. Returns: allowed, used, ms to the end of the window. The window starts with its first request and is the
# key's lifetime, so that Redis's clock is the only one.
_SCRIPT = """
local used, left = tonumber(redis.call('GET', KEYS[1]) or '0'), redis.call('PTTL', KEYS[1])
-- A key may be in its last millisecond, which no lifetime can be given again.
if left <= 0 then used, left = 0, tonumber(ARGV[2]) end
if used >= tonumber(ARGV[1]) then return {0, used, left} end
used = used + tonumber(ARGV[3])
redis.call('SET', KEYS[1], used, 'PX', left)
return {1, used, left}
"""


class RateLimits:
    """The limits of the API, asked for each request. A policy that is off limits nothing. While Redis is down each
    process counts by itself: who guesses passwords or makes links in masses is held up also then."""

    def __init__(
        self, redis: Redis, guard: RedisGuard, keys: LimitKeys, proxies: TrustedProxies, settings: Settings
    ) -> None:
        self._script = redis.register_script(_SCRIPT)
        self._guard = guard
        self._keys = keys
        self._proxies = proxies
        self._rates: Mapping[str, Rate | None] = {
            "api": settings.limit_api,
            "account": settings.limit_account,
            "api-bytes": settings.limit_api_bytes,
            "account-bytes": settings.limit_account_bytes,
            "login": settings.limit_login,
        }
        self._local = {policy: LocalWindows() for policy in self._rates}

    def client_of(self, scope: Scope) -> str:
        return client_network(self._proxies.client_of(scope))

    def identity_of(self, scope: Scope) -> Identity:
        """The identity for which the request is counted: its user or key, otherwise the client."""
        identity: Identity | None = scope.get(IDENTITY_KEY)
        return identity or Identity("api", self.client_of(scope))

    async def check(self, policy: str, client: str, rate: Rate | None = None, cost: int = 1) -> LimitVerdict | None:
        """Charge the policy for one request, or its bytes, in one round trip; None when nothing limits."""
        rate = rate or self._rates[policy]
        if rate is None:
            return None
        call = self._script([self._keys.key(policy, client)], [rate.quota, rate.window_s * 1000, cost])
        try:
            is_allowed, used, left_ms = await self._guard.call("rate_limit", call)
        except RedisUnavailable:
            return self._local[policy].verdict(policy, client, rate, cost)
        left = max(rate.quota - used, 0)
        return LimitVerdict(policy_of(policy, rate), bool(is_allowed), left, ceil(left_ms / 1000))

    async def charge(self, scope: Scope, identity: Identity) -> None:
        """Charge for this request. Its answer's headers show the limit that would refuse first. Raises
        TooManyRequests."""
        self._settle(scope, await self.check(*identity))

    async def charge_bytes(self, scope: Scope, size: int) -> None:
        """Charge the caller for the bytes of a body, in addition to the request. Raises TooManyBytes."""
        identity = self.identity_of(scope)
        self._settle(scope, await self.check(f"{identity.policy}-bytes", identity.name, cost=size))

    @staticmethod
    def _settle(scope: Scope, verdict: LimitVerdict | None) -> None:
        if verdict is None:
            return
        shown: LimitVerdict | None = scope.get(VERDICT_KEY)
        if shown is None or not verdict.is_allowed or verdict.remaining < shown.remaining:
            scope[VERDICT_KEY] = verdict
        if not verdict.is_allowed:
            raise verdict.refusal()
