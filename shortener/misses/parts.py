"""The counter of misses in a web process, and the stream between it and the worker."""

import contextlib
from collections.abc import AsyncIterator

import structlog
from redis.exceptions import RedisError

from shortener.clicks.stream import Sealer
from shortener.misses.batch import Kind, MissBatch
from shortener.misses.counter import MissCounter
from shortener.misses.stream import MissStream
from shortener.parts import Part, Parts
from shortener.redirect.parts import MISSED
from shortener.stores.parts import REDIS

log = structlog.get_logger(__name__)

MISS_STREAM = Part[MissStream]("stream of misses")
MISSES = Part[MissCounter]("counter of misses")


@contextlib.asynccontextmanager
async def open_miss_stream(parts: Parts) -> AsyncIterator[None]:
    parts[MISS_STREAM] = MissStream(parts[REDIS], Sealer(parts.settings.secret_key.get_secret_value()))
    yield


def _path(code: str) -> str:
    """On a domain with the domain in front."""
    return code if "/" in code else f"/{code}"


@contextlib.asynccontextmanager
async def open_misses(parts: Parts) -> AsyncIterator[None]:
    stream, settings = parts[MISS_STREAM], parts.settings

    async def send(batch: MissBatch) -> bool:
        # Not by the guard of redirects: a large batch takes longer than one of them may.
        try:
            return await stream.append(batch)
        except (RedisError, OSError) as error:
            log.warning("misses_not_sent", error=repr(error))
            return False

    parts[MISSES] = counter = MissCounter(send, settings.misses_paths, settings.misses_singles)
    parts[MISSED] = lambda request: counter.add(Kind.CODE, _path(request.code), request)
    try:
        yield
    finally:
        await counter.close()
