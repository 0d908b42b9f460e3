"""The services of links, and the domains that they can have."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

from shortener.event_loop.tasks import end
from shortener.hashing.parts import HASHES
from shortener.links.checks import LinkChecks
from shortener.links.codes import Codes
from shortener.links.creation import LinkCreation
from shortener.links.directory import DOMAINS_CHANNEL, Directory
from shortener.links.eviction import Eviction
from shortener.links.service import LinkService
from shortener.parts import Part, Parts
from shortener.places.parts import LOCATOR
from shortener.redirect.cache import EVICTED_CHANNEL
from shortener.redirect.parts import HOSTS
from shortener.screening.destinations import own_hosts
from shortener.screening.parts import BAN_LIST
from shortener.screening.policy import LinkPolicy
from shortener.stores.parts import DATABASE, LISTENERS, REDIS

DIRECTORY = Part[Directory]("directory of domains")
LINKS = Part[LinkService]("links")
CREATION = Part[LinkCreation]("creation of links")
EVICTION = Part[Eviction]("eviction of links")


@contextlib.asynccontextmanager
async def open_directory(parts: Parts) -> AsyncIterator[None]:
    """It knows all domains before the first request, and follows changes."""
    settings = parts.settings
    own = own_hosts(settings.base_url, settings.port)
    own = own._replace(names=own.names.union(settings.api_hosts))
    directory = Directory(parts[DATABASE], own, parts[HOSTS].replace)
    await directory.mirror.refresh()
    parts[LISTENERS].add(DOMAINS_CHANNEL, directory.mirror.on_report, directory.mirror)
    parts[DIRECTORY] = directory
    following = asyncio.create_task(directory.mirror.run())
    try:
        yield
    finally:
        await end(following)


@contextlib.asynccontextmanager
async def open_links(parts: Parts) -> AsyncIterator[None]:
    settings = parts.settings
    policy = LinkPolicy(parts[BAN_LIST], settings)
    hashes = parts[HASHES]
    checks = LinkChecks(
        parts[DIRECTORY],
        policy,
        partial(_has_cities, parts),
        settings.stored_code,
        tags_need_owner=not settings.anonymous_may_manage,
    )
    evict = parts[EVICTION] = Eviction(parts[REDIS], forget=partial(parts[LISTENERS].tell, EVICTED_CHANNEL))
    # Each process has at most twice as many connections as its pool keeps.
    bulk_at_once = max(1, settings.database_pool_size // 2)
    creation = parts[CREATION] = LinkCreation(parts[DATABASE], checks, hashes, Codes.of(settings), evict, bulk_at_once)
    parts[LINKS] = LinkService(creation, checks, policy, hashes, evict)
    yield


def _has_cities(parts: Parts) -> bool:
    """A command does not read the database of places, which may be large, and trusts that it has cities."""
    locator = parts.get(LOCATOR)
    return parts.settings.geo_database is not None if locator is None else locator.has_cities
