"""The queue of destinations to check with feeds, and the feeds' verdicts."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.screening.models import DestinationCheck

# No transaction that creates links lasts this long, so no link with a lower id can still appear.
SETTLED_AFTER = timedelta(seconds=65)
_QUEUED_AT_ONCE = 1000
# Pause before a feed that did not answer is asked again; it doubles each time.
FIRST_PAUSE = timedelta(minutes=1)
_MAX_DOUBLINGS = 10

# Links that existed before a feed was switched on are not checked.
_CURSOR = text("""
    INSERT INTO feed_cursors (feed, link_id) SELECT :feed, coalesce(max(id), 0) FROM links
    ON CONFLICT (feed) DO UPDATE SET link_id = feed_cursors.link_id RETURNING link_id
""")
_NEW = text("SELECT id, created_at FROM links WHERE id > :after ORDER BY id LIMIT :limit")
_QUEUE = text("""
    INSERT INTO destination_checks (link_id, feed, verdict, next_at)
    SELECT id, :feed, 'unknown', now() FROM unnest(CAST(:ids AS bigint[])) AS u (id) ON CONFLICT DO NOTHING
""")
_ADVANCE = text("UPDATE feed_cursors SET link_id = :last WHERE feed = :feed")
_DUE = text("""
    SELECT c.link_id, l.code, l.url, l.options::text AS options
    FROM destination_checks AS c JOIN links AS l ON l.id = c.link_id
    WHERE c.feed = :feed AND c.next_at <= now() AND l.deleted_at IS NULL ORDER BY c.next_at LIMIT :limit
""")
_STORE = text("""
    UPDATE destination_checks SET verdict = :verdict, checked_at = now(), tries = tries + 1,
        next_at = CASE WHEN :verdict = 'unknown'
            THEN now() + CAST(:pause AS interval) * power(2, least(tries, :doublings)) END
    WHERE link_id = :link_id AND feed = :feed
      AND EXISTS (SELECT FROM links WHERE id = :link_id AND url = :url
            AND options IS NOT DISTINCT FROM CAST(CAST(:options AS text) AS jsonb)) RETURNING link_id
""")
_AGAIN = text("""
    INSERT INTO destination_checks (link_id, feed, verdict, next_at)
    SELECT :link_id, feed, 'unknown', now() FROM feed_cursors WHERE link_id >= :link_id
    ON CONFLICT (link_id, feed) DO UPDATE SET verdict = 'unknown', tries = 0, next_at = now()
""")


class FeedVerdict(StrEnum):
    CLEAN = "clean"
    LISTED = "listed"
    UNKNOWN = "unknown"


async def queue_new(session: AsyncSession, feed: str) -> None:
    """Queue links that were created since the last call, in the session's transaction."""
    after = await session.scalar(_CURSOR, {"feed": feed})
    rows = (await session.execute(_NEW, {"after": after, "limit": _QUEUED_AT_ONCE})).all()
    newest = datetime.now(UTC) - SETTLED_AFTER
    ids = [row.id for row in takewhile(lambda row: row.created_at < newest, rows)]
    if ids:
        await session.execute(_QUEUE, {"feed": feed, "ids": ids})
        await session.execute(_ADVANCE, {"feed": feed, "last": ids[-1]})


async def due(session: AsyncSession, feed: str, limit: int) -> list[Any]:
    """Rows of link_id, code, url and options, which are JSON or None."""
    return list((await session.execute(_DUE, {"feed": feed, "limit": limit})).all())


async def store(session: AsyncSession, feed: str, row: Any, verdict: FeedVerdict) -> bool:
    """Store a verdict, and return whether the link still leads where it did. Unknown ones are checked again."""
    link = {"link_id": row.link_id, "url": row.url, "options": row.options}
    values = {"feed": feed, "verdict": str(verdict), **link}
    stored = await session.scalar(_STORE, values | {"pause": FIRST_PAUSE, "doublings": _MAX_DOUBLINGS})
    return stored is not None


async def ask_again(session: AsyncSession, link_id: int) -> None:
    """Queue a link again after its URL changed, in the session's transaction. A link that is not yet queued needs no
    change."""
    await session.execute(_AGAIN, {"link_id": link_id})


async def checks_of(session: AsyncSession, link_ids: list[int]) -> list[DestinationCheck]:
    """The verdicts on these links, by feed."""
    statement = select(DestinationCheck).where(DestinationCheck.link_id.in_(link_ids))
    return list(await session.scalars(statement.order_by(DestinationCheck.feed)))
