"""Who sends a request, as each process knows it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

from shortener.access.authentication import Authentication
from shortener.access.key_use import KeyUse
from shortener.access.revocation import REVOKED_CHANNEL, Revocations
from shortener.access.tokens import AccessTokens
from shortener.event_loop.tasks import end
from shortener.parts import Part, Parts
from shortener.stores.parts import DATABASE, LISTENERS, REDIS

ACCESS_TOKENS = Part[AccessTokens]("access tokens")
AUTHENTICATION = Part[Authentication]("authentication")
REVOCATIONS = Part[Revocations]("revocations")


@contextlib.asynccontextmanager
async def open_revocations(parts: Parts) -> AsyncIterator[None]:
    parts[REVOCATIONS] = Revocations(parts[REDIS], partial(parts[LISTENERS].tell, REVOKED_CHANNEL))
    yield


@contextlib.asynccontextmanager
async def open_authentication(parts: Parts) -> AsyncIterator[None]:
    settings = parts.settings
    parts[ACCESS_TOKENS] = AccessTokens(settings.every_secret_key, settings.base_url)
    key_use = KeyUse(parts[DATABASE])
    parts[AUTHENTICATION] = authentication = Authentication(parts[DATABASE], parts[ACCESS_TOKENS], key_use.used)
    parts[LISTENERS].add(REVOKED_CHANNEL, authentication.forget, authentication)
    noting_use = asyncio.create_task(key_use.run())
    try:
        yield
    finally:
        await end(noting_use)
        await key_use.write()
