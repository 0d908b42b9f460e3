"""Templates, files and languages of the pages."""

import contextlib
from collections.abc import AsyncIterator
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from redis.asyncio import Redis

from shortener.dashboard.assets import Assets
from shortener.dashboard.refusal_counts import RefusalCounts
from shortener.dashboard.templates import Templates
from shortener.dashboard.wording import Wordings
from shortener.errors import ServiceUnavailable
from shortener.event_loop.bounded_threads import BoundedThreads
from shortener.parts import Part, Parts
from shortener.stores.parts import REDIS

# Making pages holds Python's lock: more threads would not make more.
THREADS = 1
# The last of them waits for a few seconds.
MAX_WAITING = 100


class _Files(NamedTuple):
    assets: Assets
    wordings: Wordings
    templates: Templates


@cache
def _files() -> _Files:
    """The same for all settings."""
    return _Files(assets := Assets(), Wordings(), Templates(assets))


def prepare() -> None:
    """Read the files, and compile what all pages share. This blocks the process for a twentieth of a second."""
    _files()


class Dashboard:
    """Templates, files and languages, and what all pages say about the service."""

    def __init__(self, base_url: str, name: str, redis: Redis) -> None:
        self.assets, self.wordings, self.templates = _files()
        self.base_url = base_url
        self.host = urlsplit(base_url).netloc
        self.name = name or self.host
        self.is_secure = base_url.startswith("https:")
        self.refusals = RefusalCounts(redis)
        self.threads = BoundedThreads("pages", THREADS, MAX_WAITING, _too_many)


def _too_many() -> ServiceUnavailable:
    return ServiceUnavailable("Too many pages are being made. Try again.", headers={"Retry-After": "2"})


DASHBOARD = Part[Dashboard]("dashboard")


@contextlib.asynccontextmanager
async def open_dashboard(parts: Parts) -> AsyncIterator[None]:
    settings = parts.settings
    if not settings.dashboard:
        yield
        return
    parts[DASHBOARD] = dashboard = Dashboard(settings.base_url, settings.name, parts[REDIS])
    try:
        yield
    finally:
        await dashboard.refusals.close()
        dashboard.threads.shutdown(wait=False, cancel_futures=True)
