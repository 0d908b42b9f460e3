"""Comments and notifications as numbered rows, which nobody misses.

A row gets its number after its commit, from one process at a time: numbers become visible in their order. So a reader
that has seen a number has seen, or can see, each row below it.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy import or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.comments.models import Comment
from shortener.comments.service import comments_out
from shortener.event_loop.slices import gathered
from shortener.links.ids import link_id_of
from shortener.links.models import Link
from shortener.live.channels import Channel, of_link, of_user, of_workspace
from shortener.notifications.models import Notification
from shortener.notifications.service import detailed, notification_out

# Told over the channels of `stores.invalidations`: there are new rows.
HISTORY_CHANNEL = "history"
_AT_ONCE = 1000
# Of this purpose; any number that no other lock has.
_LOCK = 0x6C697665

_IS_NEW = """
    SELECT EXISTS (SELECT FROM comments WHERE number IS NULL)
        OR EXISTS (SELECT FROM notifications WHERE number IS NULL)
"""
# Numbered by a query of their own: an update visits its rows in any order.
_NUMBER = """
    WITH found AS MATERIALIZED (
        SELECT id FROM {table} WHERE number IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
    ), numbered AS MATERIALIZED (
        SELECT id, nextval('live_numbers') AS number FROM (SELECT id FROM found ORDER BY id) AS in_order
    )
    UPDATE {table} SET number = numbered.number FROM numbered WHERE {table}.id = numbered.id
"""
_NEWEST = text("""
    SELECT greatest(
        (SELECT max(number) FROM comments), (SELECT max(number) FROM notifications),
        (SELECT number FROM live_mark), 0
    )
""")
_FORGOTTEN = text("SELECT coalesce((SELECT number FROM live_mark), 0)")


class Row(NamedTuple):
    """A row of history: its number, its message, and who hears of it."""

    number: int
    type: str
    at: datetime
    data: dict[str, Any]
    channels: tuple[Channel, ...]


async def number_new(connection: asyncpg.Connection) -> bool:
    """Give numbers to new rows; returns whether there were any. If another process is at it, it is left to that."""
    if not await connection.fetchval(_IS_NEW):
        return False
    async with connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
            return False
        for table in ("comments", "notifications"):
            await connection.execute(_NUMBER.format(table=table), _AT_ONCE)
    return True


async def newest(session: AsyncSession) -> int:
    """The highest number. All rows with a lower one can be seen."""
    return int(await session.scalar(_NEWEST) or 0)


async def forgotten(session: AsyncSession) -> int:
    """The highest number of a row that was deleted for its age."""
    return int(await session.scalar(_FORGOTTEN) or 0)


async def read(
    session: AsyncSession, after: int, until: int, limit: int, channels: Sequence[Channel] | None = None
) -> list[Row]:
    """Rows with numbers behind `after`, up to `until`, at most `limit`, in order; of all channels, or of these."""
    comments = select(Comment, Link.workspace_id).join(Link, Link.id == Comment.link_id)
    comments = comments.where(Comment.number > after, Comment.number <= until).order_by(Comment.number).limit(limit)
    notifications = detailed(Notification.number > after, Notification.number <= until)
    notifications = notifications.order_by(Notification.number).limit(limit)
    if channels is not None:
        links, spaces, users = (_subjects(channels, kind) for kind in ("link", "workspace", "user"))
        comments = comments.where(or_(Comment.link_id.in_(links), Link.workspace_id.in_(spaces)))
        notifications = notifications.where(Notification.user_id.in_(users))
    rows = [
        *await _of_comments(session, [(row[0], row[1]) for row in await session.execute(comments)]),
        *await gathered(_of_notification(*row) for row in await session.execute(notifications)),
    ]
    # Of each kind, the first `limit` rows are there: so are the first of both.
    return sorted(rows)[:limit]


def _subjects(channels: Iterable[Channel], kind: str) -> list[Any]:
    return [channel.subject for channel in channels if channel.kind == kind]


async def _of_comments(session: AsyncSession, found: Sequence[tuple[Comment, uuid.UUID | None]]) -> Iterable[Row]:
    outs = await comments_out(session, (comment for comment, _ in found))
    return await gathered(
        _of_comment(comment, out.model_dump(mode="json"), workspace_id)
        for (comment, workspace_id), out in zip(found, outs, strict=True)
    )


def _of_comment(comment: Comment, data: dict[str, Any], workspace_id: uuid.UUID | None) -> Row:
    type_, at = "comment.created", comment.created_at
    if comment.edited_at is not None:
        type_, at = "comment.changed", comment.edited_at
    if comment.deleted_at is not None:
        type_, at = "comment.deleted", comment.deleted_at
        data = {"id": str(comment.id), "link": link_id_of(comment.link_id)}
    channels = (of_link(comment.link_id), *(() if workspace_id is None else (of_workspace(workspace_id),)))
    return Row(comment.number or 0, type_, at, data, channels)


def _of_notification(notification: Notification, link: Link | None, by: str | None) -> Row:
    data = notification_out(notification, link, by).model_dump(mode="json")
    channels = (of_user(notification.user_id),)
    return Row(notification.number or 0, "notification.created", notification.created_at, data, channels)
