"""Limits per client, user and key, counted in Redis and shared by all processes. Alone imports fastapi-limiter."""

from collections.abc import Mapping
from math import ceil

from fastapi import Request, Response
from fastapi_limiter.depends import RateLimiter
from redis.asyncio import Redis
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shortener.http.client_address import TrustedProxies, client_network
from shortener.limits.identity import IDENTITY_KEY, Identity
from shortener.limits.keys import LimitKeys
from shortener.limits.local import LocalWindows
from shortener.limits.policies import Verdict, policy_of, split_head
from shortener.settings import Settings
from shortener.settings.values import Rate
from shortener.stores.redis import RedisGuard, RedisUnavailable

_STATE_KEY = "shortener.rate_limit"

# KEYS: the counter. ARGV: quota, window in ms, cost. Charges the cost unless nothing is left; the last request may cost
# more than is left. Returns: allowed, used, ms to the end of the window. The window starts with its first request and
# is the key's lifetime, so that Redis's clock is the only one.
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
        """As whom the request is counted: its user or key, else the client."""
        identity: Identity | None = scope.get(IDENTITY_KEY)
        return identity or Identity("api", self.client_of(scope))

    async def check(self, policy: str, client: str, rate: Rate | None = None, cost: int = 1) -> Verdict | None:
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
        return Verdict(policy_of(policy, rate), bool(is_allowed), left, ceil(left_ms / 1000))

    async def charge(self, scope: Scope, identity: Identity) -> None:
        """Charge for this request, whose answer tells of the limit that will refuse first. Raises TooManyRequests."""
        self._settle(scope, await self.check(*identity))

    async def charge_bytes(self, scope: Scope, size: int) -> None:
        """Charge whoever asks for a body of so many bytes, beside the request itself. Raises TooManyBytes."""
        identity = self.identity_of(scope)
        self._settle(scope, await self.check(f"{identity.policy}-bytes", identity.name, cost=size))

    @staticmethod
    def _settle(scope: Scope, verdict: Verdict | None) -> None:
        if verdict is None:
            return
        told: Verdict | None = scope.get(_STATE_KEY)
        if told is None or not verdict.is_allowed or verdict.remaining < told.remaining:
            scope[_STATE_KEY] = verdict
        if not verdict.is_allowed:
            raise verdict.refusal()


class ApiRateLimiter(RateLimiter):
    """fastapi-limiter's dependency with a named policy, a trusted client and one atomic check in Redis.

    Its own `__call__` walks `app.routes` by path, which fails for included routers, shares one bucket
    among all clients, and sends no headers.
    """

    def __init__(self, policy: str) -> None:
        self.policy = policy

    async def __call__(self, request: Request, response: Response | None = None) -> None:
        """Raises TooManyRequests."""
        del response
        limits: RateLimits = request.app.state.rate_limits
        identity = limits.identity_of(request.scope)
        if self.policy != "api":
            identity = Identity(self.policy, limits.client_of(request.scope))
        await limits.charge(request.scope, identity)


class RateLimitHeaders:
    """Adds the verdict's headers to whatever answer leaves. FastAPI drops headers set on the injected
    Response when the endpoint returns one of its own, or raises."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            verdict: Verdict | None = scope.get(_STATE_KEY)
            if verdict is not None and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *split_head(verdict.head())]
            await send(message)

        await self.app(scope, receive, send_with_headers)
