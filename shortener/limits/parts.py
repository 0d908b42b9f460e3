"""The limits of the API, and the names of all counters."""

import contextlib
from collections.abc import AsyncIterator

from starlette.requests import HTTPConnection

from shortener.http.parts import PROXIES
from shortener.limits.keys import LimitKeys
from shortener.limits.rate_limits import RateLimits
from shortener.parts import Part, Parts, parts_of
from shortener.stores.parts import GUARD, REDIS

LIMIT_KEYS = Part[LimitKeys]("limit keys")
RATE_LIMITS = Part[RateLimits]("rate limits")


def client_name(request: HTTPConnection) -> str:
    """The user, key or client for whom the request is counted, and who chooses its `Idempotency-Key`."""
    return parts_of(request)[RATE_LIMITS].identity_of(request.scope).name


@contextlib.asynccontextmanager
async def open_limits(parts: Parts) -> AsyncIterator[None]:
    parts[LIMIT_KEYS] = LimitKeys(parts.settings.secret_key.get_secret_value())
    parts[RATE_LIMITS] = RateLimits(parts[REDIS], parts[GUARD], parts[LIMIT_KEYS], parts[PROXIES], parts.settings)
    yield
