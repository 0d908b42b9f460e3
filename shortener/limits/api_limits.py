"""Limits as routes and answers have them. Alone imports fastapi-limiter."""

from fastapi import Request, Response
from fastapi_limiter.depends import RateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shortener.limits.identity import Identity
from shortener.limits.parts import RATE_LIMITS
from shortener.limits.policies import LimitVerdict, split_head
from shortener.limits.rate_limits import VERDICT_KEY
from shortener.parts import parts_of


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
        limits = parts_of(request)[RATE_LIMITS]
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
            verdict: LimitVerdict | None = scope.get(VERDICT_KEY)
            if verdict is not None and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *split_head(verdict.head())]
            await send(message)

        await self.app(scope, receive, send_with_headers)
