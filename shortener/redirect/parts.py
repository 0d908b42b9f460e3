"""The redirect, with its memory, limits and recorder."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from shortener.clicks.recorder import SINK, WRITE_DIRECTLY, Recorder
from shortener.hashing.parts import HASHES
from shortener.http.parts import PROXIES
from shortener.limits.parts import LIMIT_KEYS
from shortener.parts import Part, Parts
from shortener.places.parts import LOCATOR
from shortener.redirect.cache import EVICTED_CHANNEL, TargetCache
from shortener.redirect.decision import redirect_limits
from shortener.redirect.hosts import Hosts
from shortener.redirect.memory import MemoryLevel
from shortener.redirect.metrics import AT_ONCE
from shortener.redirect.quotas import Quotas
from shortener.redirect.reserved import RESERVED
from shortener.redirect.resolver import Resolver
from shortener.redirect.target import Target
from shortener.redirect.throttle import Throttle
from shortener.stores.parts import DATABASE, GUARD, LISTENERS, REDIS

if TYPE_CHECKING:
    from shortener.redirect.router import Missed, Redirects

QUOTAS = Part[Quotas]("quotas")
# What other features tell the redirect of domains.
HOSTS = Part[Hosts]("hosts")
REDIRECT: "Part[Redirects]" = Part("redirect")
# Counts requests for codes that do not exist.
MISSED: "Part[Missed]" = Part("counter of unknown codes")
# Returns a target as memory keeps it: banned if its host is.
JUDGE = Part[Callable[[Target], Target]]("judge of targets")


@contextlib.asynccontextmanager
async def open_hosts(parts: Parts) -> AsyncIterator[None]:
    settings = parts.settings
    parts[HOSTS] = Hosts(settings.own_names, settings.unknown_hosts == "refuse")
    yield


@contextlib.asynccontextmanager
async def open_quotas(parts: Parts) -> AsyncIterator[None]:
    parts[QUOTAS] = quotas = Quotas(parts[DATABASE])
    try:
        yield
    finally:
        await quotas.close()


@contextlib.asynccontextmanager
async def open_redirect(parts: Parts) -> AsyncIterator[None]:
    # Imported late: commands open the other parts.
    from shortener.redirect.router import Redirects

    settings = parts.settings
    memory = MemoryLevel(settings.cache_memory_size)
    cache = TargetCache(parts[REDIS], parts[GUARD], settings.cache_ttl_s, settings.cache_missing_ttl_s)
    resolver = Resolver(parts[DATABASE], cache, memory, carry=lambda: recorder.carry(), judge=parts[JUDGE])
    throttle = Throttle(redirect_limits(settings), parts[LIMIT_KEYS])
    recorder = Recorder(
        parts[SINK],
        parts[GUARD],
        parts[WRITE_DIRECTLY],
        settings.click_buffer_size,
        riders=(throttle, resolver),
        answers_at_once=settings.click_ack == "memory",
        settle=AT_ONCE.settle,
    )
    parts[LISTENERS].add(EVICTED_CHANNEL, resolver.forget, memory)
    parts[REDIRECT] = Redirects(
        resolver,
        recorder,
        throttle,
        parts[PROXIES],
        settings,
        RESERVED,
        parts[HOSTS],
        parts[QUOTAS],
        parts[LOCATOR].locate,
        parts[DATABASE],
        parts[HASHES],
        parts[MISSED],
    )
    try:
        yield
    finally:
        await recorder.close()
