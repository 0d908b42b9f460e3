"""Limits per client, user and key, counted in Redis and shared by all processes. Alone imports fastapi-limiter."""

import hashlib
import time
from collections.abc import Mapping
from functools import lru_cache
from math import ceil
from typing import NamedTuple

import msgspec
from cachebox import LRUCache
from fastapi import Request, Response
from fastapi_limiter.depends import RateLimiter
from redis.asyncio import Redis
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shortener.errors import TooManyRequests
from shortener.http.client_address import TrustedProxies, client_network
from shortener.settings import Settings
from shortener.settings.values import ByteRate, Rate
from shortener.stores.redis import RedisGuard, RedisUnavailable

KEY_PREFIX = "limit:"
_STATE_KEY = "shortener.rate_limit"
_IDENTITY_KEY = "shortener.identity"
# Clients that are remembered by a process that counts alone.
MAX_CLIENTS = 50_000

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


def split_head(head: bytes) -> list[tuple[bytes, bytes]]:
    """Lines of headers as ASGI wants them."""
    return [(name, value) for name, _, value in (line.partition(b": ") for line in head.splitlines())]


class TooManyBytes(TooManyRequests):
    type, title = "too-many-bytes", "Too many bytes"


class Policy(msgspec.Struct, frozen=True, gc=False):
    """A rate under its name, and what is the same in the headers of all its verdicts."""

    rate: Rate
    head_form: bytes


@lru_cache
def policy_of(name: str, rate: Rate) -> Policy:
    """Its headers are those that people know, and those of the IETF's draft (draft-ietf-httpapi-ratelimit-headers)."""
    unit = ';qu="content-bytes"' if isinstance(rate, ByteRate) else ""
    form = (
        f"x-ratelimit-limit: {rate.quota}\r\nx-ratelimit-remaining: %d\r\nx-ratelimit-reset: %d\r\n"
        f'ratelimit-policy: "{name}";q={rate.quota}{unit};w={rate.window_s}\r\nratelimit: "{name}";r=%d;t=%d\r\n'
    )
    return Policy(rate, form.encode())


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What a policy says of one request: `reset_s` is when its window ends."""

    policy: Policy
    is_allowed: bool
    remaining: int
    reset_s: int

    def head(self) -> bytes:
        """Lines of headers, each with its end."""
        remaining, reset_s = self.remaining, self.reset_s
        return self.policy.head_form % (remaining, reset_s, remaining, reset_s)

    def refusal(self) -> TooManyRequests:
        rate = self.policy.rate
        is_of_bytes = isinstance(rate, ByteRate)
        what = "bytes of bulk requests" if is_of_bytes else "requests"
        detail = (
            f"At most {rate.quota} {what} in {rate.window_s} seconds are allowed here. "
            f"Try again in {self.reset_s} seconds."
        )
        headers = {"Retry-After": str(self.reset_s)}
        return TooManyBytes(detail, headers=headers) if is_of_bytes else TooManyRequests(detail, headers=headers)


class LimitKeys:
    """Names of counters. Redis writes what it holds to disk: a client's address is there only as a keyed hash."""

    def __init__(self, secret: str) -> None:
        self._secret = hashlib.sha256(secret.encode()).digest()

    def key(self, policy: str, client: str) -> str:
        digest = hashlib.blake2b(client.encode(), key=self._secret, person=b"limit", digest_size=12).hexdigest()
        return f"{KEY_PREFIX}{policy}:{digest}"


class LocalWindows:
    """The same windows, counted in this process alone. Times are the monotonic clock's."""

    def __init__(self) -> None:
        self._counts: LRUCache[str, tuple[int, float]] = LRUCache(MAX_CLIENTS)

    def verdict(self, policy: str, client: str, rate: Rate, cost: int = 1) -> Verdict:
        """Charge the client, unless nothing is left; a cost of 0 only asks."""
        now_s = time.monotonic()
        used, ends_at_s = self._counts.get(client) or (0, 0.0)
        if ends_at_s <= now_s:
            used, ends_at_s = 0, now_s + rate.window_s
        is_allowed = used < rate.quota
        if is_allowed and cost:
            used += cost
            self._counts[client] = (used, ends_at_s)
        left = max(rate.quota - used, 0)
        return Verdict(policy_of(policy, rate), is_allowed, left, ceil(ends_at_s - now_s))


class Identity(NamedTuple):
    """As whom a request is counted; with a `rate` of its own, or its policy's."""

    policy: str
    name: str
    rate: Rate | None = None


def identify(scope: Scope, identity: Identity) -> None:
    """Count this request as one of theirs, and not as one of its address."""
    scope[_IDENTITY_KEY] = identity


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
        identity: Identity | None = scope.get(_IDENTITY_KEY)
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
