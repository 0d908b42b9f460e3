"""Limits per client, counted in Redis and shared by all processes. The only importer of fastapi-limiter."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple

from fastapi import Request, Response
from fastapi.routing import APIRoute
from fastapi_limiter.depends import RateLimiter
from redis.asyncio import Redis
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shortener.client_address import client_address, client_network
from shortener.errors import TooManyRequests
from shortener.redis import RedisGuard, RedisUnavailable
from shortener.settings import Rate, Settings

KEY_PREFIX = "limit:"
_STATE_KEY = "shortener.rate_limit"

# KEYS: one a check. ARGV: quota, window in ms, cost, three a check. Counts all, or none once one is used up.
# Returns, three a check: allowed, used, ms to the end of the window. The window starts with its first
# request and is a key's lifetime, so that Redis's clock is the only one.
_SCRIPT = """
local answer, allowed = {}, true
for i, key in ipairs(KEYS) do
  local quota, window, cost = tonumber(ARGV[3*i-2]), tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i])
  local used, left = tonumber(redis.call('GET', key) or '0'), redis.call('PTTL', key)
  -- A key may be in its last millisecond, which no lifetime can be given again.
  if left <= 0 then used, left = 0, window end
  -- A cost of nothing only asks whether anything is left.
  local ok = used + math.max(cost, 1) <= quota
  if not ok then allowed = false end
  answer[3*i-2], answer[3*i-1], answer[3*i] = ok and 1 or 0, used, left
end
if allowed then
  for i, key in ipairs(KEYS) do
    local window, cost = tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i])
    if cost > 0 then
      answer[3*i-1] = answer[3*i-1] + cost
      redis.call('SET', key, answer[3*i-1], 'PX', answer[3*i])
    end
  end
end
return answer
"""


class Verdict(NamedTuple):
    """What a policy says of one request: `reset_s` is when its window ends."""

    policy: str
    rate: Rate
    is_allowed: bool
    remaining: int
    reset_s: int

    def headers(self) -> list[tuple[str, str]]:
        """The headers people know, and those of the IETF's draft (draft-ietf-httpapi-ratelimit-headers)."""
        return [
            ("X-RateLimit-Limit", str(self.rate.quota)),
            ("X-RateLimit-Remaining", str(self.remaining)),
            ("X-RateLimit-Reset", str(self.reset_s)),
            ("RateLimit-Policy", f'"{self.policy}";q={self.rate.quota};w={self.rate.window_s}'),
            ("RateLimit", f'"{self.policy}";r={self.remaining};t={self.reset_s}'),
        ]

    def refusal(self) -> TooManyRequests:
        return TooManyRequests(
            f"At most {self.rate.quota} requests in {self.rate.window_s} seconds are allowed here. "
            f"Try again in {self.reset_s} seconds.",
            headers={"Retry-After": str(self.reset_s)},
        )


class RateLimits:
    """The named policies of the settings. A policy that is off, or a Redis that is down, limits nothing."""

    def __init__(self, redis: Redis, guard: RedisGuard, settings: Settings) -> None:
        self._script = redis.register_script(_SCRIPT)
        self._guard = guard
        self._trusted_proxies = settings.trusted_proxies
        self._rates: Mapping[str, Rate | None] = {
            "api": settings.limit_api,
            "redirect": settings.limit_redirect,
            "miss": settings.limit_miss,
        }

    def client_of(self, scope: Scope) -> str:
        return client_network(client_address(scope, self._trusted_proxies))

    async def check(self, client: str, costs: Mapping[str, int]) -> dict[str, Verdict]:
        """Charge these policies for one request, in one round trip; a cost of 0 only asks.

        Nothing is charged when any of them refuses. Policies that are off are left out, and so are all
        of them when Redis does not answer.
        """
        rates = {policy: rate for policy in costs if (rate := self._rates[policy]) is not None}
        if not rates:
            return {}
        keys = [f"{KEY_PREFIX}{policy}:{client}" for policy in rates]
        args = [n for policy, rate in rates.items() for n in (rate.quota, rate.window_s * 1000, costs[policy])]
        try:
            answer = await self._guard.call("rate_limit", self._script(keys, args))
        except RedisUnavailable:
            return {}
        verdicts = {}
        for (policy, rate), i in zip(rates.items(), range(0, len(answer), 3), strict=True):
            allowed, used, left_ms = answer[i : i + 3]
            verdicts[policy] = Verdict(policy, rate, bool(allowed), max(rate.quota - used, 0), -(-left_ms // 1000))
        return verdicts


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
        verdicts = await limits.check(limits.client_of(request.scope), {self.policy: 1})
        verdict = verdicts.get(self.policy)
        if verdict is not None:
            request.scope[_STATE_KEY] = verdict
            if not verdict.is_allowed:
                raise verdict.refusal()


class LimitedRoute(APIRoute):
    """A route of the API. The limit comes before the body is read, so that a body that is no JSON counts too;
    as a dependency it would be asked only once the body is parsed."""

    limiter = ApiRateLimiter("api")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def limited(request: Request) -> Response:
            await self.limiter(request)
            return await handle(request)

        return limited


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
                headers = MutableHeaders(scope=message)
                for name, value in verdict.headers():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, send_with_headers)
