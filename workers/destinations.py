"""Asking feeds about the destinations of new links."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from redis.asyncio import Redis

from shortener.access.actors import ACTOR_KEY, WORKER
from shortener.links.service import UnknownLink
from shortener.moderation.bans import AlreadyBanned, mark_link
from shortener.redirect.cache import evict
from shortener.screening.checks import Verdict, due, queue_new, store
from shortener.screening.feeds import Feed, FeedUnavailable
from shortener.screening.metrics import FEED_CHECKS
from shortener.stores.database import Database

log = structlog.get_logger(__name__)

# Of each feed, so many URLs at a time: a feed that hangs costs a job no more than the time of one.
_ASKED_AT_ONCE = 20


async def check_destinations(ctx: dict[str, Any]) -> None:
    """Ask each feed that is on about links it has not told of; links that it lists are banned."""
    feeds: Mapping[str, Feed] = ctx["feeds"]
    await asyncio.gather(*(_check(ctx["database"], ctx["redis"], name, feed) for name, feed in feeds.items()))


async def _check(database: Database, redis: Redis, name: str, feed: Feed) -> None:
    async with database.session.begin() as session:
        await queue_new(session, name)
        rows = await due(session, name, _ASKED_AT_ONCE)
    # No transaction is open while others are waited for.
    found = await asyncio.gather(*(_ask(name, feed, row.url) for row in rows))
    for row, (verdict, threat) in zip(rows, found, strict=True):
        async with database.session.begin() as session:
            is_same = await store(session, name, row.link_id, row.url, verdict)
        if is_same and verdict is Verdict.LISTED:
            await _ban(database, redis, row.code, f"{name}: {threat}")


async def _ask(name: str, feed: Feed, url: str) -> tuple[Verdict, str | None]:
    try:
        threat = await feed.check(url)
    except FeedUnavailable as error:
        log.warning("feed_unavailable", feed=name, reason=str(error))
        verdict, threat = Verdict.UNKNOWN, None
    else:
        verdict = Verdict.CLEAN if threat is None else Verdict.LISTED
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
