"""Checks the destinations of new links with feeds."""

import asyncio
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis

from shortener.access.actors import ACTOR_KEY, WORKER
from shortener.links.lookup import UnknownLink
from shortener.moderation.bans import AlreadyBanned, mark_link
from shortener.parts import Parts
from shortener.redirect.cache import evict
from shortener.redirect.options import NO_OPTIONS, Options
from shortener.screening.checks import FeedVerdict, due, queue_new, store
from shortener.screening.feeds import Feed, FeedUnavailable
from shortener.screening.metrics import FEED_CHECKS
from shortener.screening.parts import FEEDS
from shortener.stores.database import Database
from shortener.stores.parts import DATABASE, REDIS

log = structlog.get_logger(__name__)

# URLs per feed that are checked concurrently: a feed that hangs costs a job only the time of one.
_ASKED_AT_ONCE = 20


async def check_destinations(ctx: dict[str, Any]) -> None:
    """Ask each feed that is on about links without a verdict; links that it lists are banned."""
    parts: Parts = ctx["parts"]
    feeds = parts[FEEDS]
    await asyncio.gather(*(_check(parts[DATABASE], parts[REDIS], name, feed) for name, feed in feeds.items()))


async def _check(database: Database, redis: Redis, name: str, feed: Feed) -> None:
    async with database.session.begin() as session:
        await queue_new(session, name)
        rows = await due(session, name, _ASKED_AT_ONCE)
    # No transaction is open while waiting for feeds.
    found = await asyncio.gather(*(_ask_all(name, feed, _urls(row)) for row in rows))
    for row, (verdict, threat) in zip(rows, found, strict=True):
        async with database.session.begin() as session:
            is_same = await store(session, name, row, verdict)
        if is_same and verdict is FeedVerdict.LISTED:
            await _ban(database, redis, row.code, f"{name}: {threat}")


def _urls(row: Any) -> list[str]:
    """Everything that the link may lead to."""
    options = msgspec.json.decode(row.options, type=Options) if row.options else NO_OPTIONS
    return list(dict.fromkeys([row.url, *options.urls()]))


async def _ask_all(name: str, feed: Feed, urls: list[str]) -> tuple[FeedVerdict, str | None]:
    """The worst that the feed says: listed, else unknown, else clean."""
    verdict, threat = FeedVerdict.CLEAN, None
    for url in urls:
        found, threat = await _ask(name, feed, url)
        if found is FeedVerdict.LISTED:
            return found, threat
        if found is FeedVerdict.UNKNOWN:
            verdict = found
    return verdict, None


async def _ask(name: str, feed: Feed, url: str) -> tuple[FeedVerdict, str | None]:
    try:
        threat = await feed.check(url)
    except FeedUnavailable as error:
        log.warning("feed_unavailable", feed=name, reason=str(error))
        verdict, threat = FeedVerdict.UNKNOWN, None
    else:
        verdict = FeedVerdict.CLEAN if threat is None else FeedVerdict.LISTED
    FEED_CHECKS.labels(name, verdict).inc()
    return verdict, threat


async def _ban(database: Database, redis: Redis, code: str, reason: str) -> None:
    try:
        async with database.session(info={ACTOR_KEY: WORKER}) as session, session.begin():
            await mark_link(session, code, reason, None)
    except (AlreadyBanned, UnknownLink):
        return
    log.info("banned_by_feed", reason=reason)
    await evict(redis, [code])
