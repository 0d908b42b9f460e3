"""What all requests share."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from shortener.http.client_address import TrustedProxies
from shortener.parts import Part, Parts

PROXIES = Part[TrustedProxies]("trusted proxies")
# Headers of every answer that a browser may show.
PROTECTIONS = Part[Iterable[tuple[bytes, bytes]]]("protections")
# Set once the server stops: answers that would go on end themselves.
STOPPING = Part[asyncio.Event]("stopping")


@contextlib.asynccontextmanager
async def open_proxies(parts: Parts) -> AsyncIterator[None]:
    parts[PROXIES] = TrustedProxies(parts.settings.trusted_proxies)
    yield
