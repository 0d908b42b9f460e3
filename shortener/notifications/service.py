"""Notifications of one user: told, listed, marked; and what a user wants to hear of. Each public function but `notify`
is one short transaction."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.models import User
from shortener.http.pagination import Key, Page, read_page
from shortener.links.ids import link_id_of
from shortener.links.models import Link
from shortener.notifications.kinds import NotificationKind
from shortener.notifications.models import Notification, NotificationSettings
from shortener.notifications.schemas import NotificationOut, NotifiedLink, Wanted
from shortener.redirect.hosts import split_code

MAX_COUNTED = 1000

_DETAILED = (
    select(Notification, Link, User.email)
    .outerjoin(Link, Link.id == Notification.link_id)
    .outerjoin(User, User.id == Notification.by_user_id)
)


async def notify(
    session: AsyncSession, kind: NotificationKind, users: Iterable[int], about: object, **members: Any
) -> None:
    """Tell those of these users who want to hear of it, in the session's transaction. `about` names what happened
    once."""
    values = {"kind": str(kind), "key": f"{kind}:{about}", **members}
    people = (
        select(User.id, *(literal(value) for value in values.values()))
        .outerjoin(NotificationSettings, NotificationSettings.user_id == User.id)
        .where(User.id.in_(sorted(set(users))), or_(_wants(kind), NotificationSettings.user_id.is_(None)))
    )
    told = insert(Notification).from_select(["user_id", *values], people)
    await session.execute(told.on_conflict_do_nothing())


def _wants(kind: NotificationKind) -> Any:
    return NotificationSettings.unwanted.all_() != kind


def detailed(*conditions: Any) -> Select[Notification, Link, str]:
    """Notifications, each with its link and the address of who caused it."""
    return _DETAILED.where(*conditions)


def notification_out(notification: Notification, link: Link | None, by: str | None) -> NotificationOut:
    shown = None
    if link is not None:
        domain, code = split_code(link.code)
        shown = NotifiedLink(id=link_id_of(link.id), code=code, domain=domain, title=link.title)
    return NotificationOut(
        id=notification.id,
        kind=NotificationKind(notification.kind),
        created_at=notification.created_at,
        read=notification.read_at is not None,
        link=shown,
        workspace=notification.workspace_id,
        comment=notification.comment_id,
        by=by,
        clicks=notification.clicks,
    )


async def list_notifications(
    session: AsyncSession, user_id: int, is_unread: bool, limit: int, cursor: str | None
) -> Page:
    """Rows of the notification, its link, and who caused it, newest first. Raises InvalidCursor."""
    statement = detailed(Notification.user_id == user_id)
    if is_unread:
        statement = statement.where(Notification.read_at.is_(None))
    keys: list[Key] = [(Notification.created_at.expression, datetime), (Notification.id.expression, uuid.UUID)]
    return await read_page(
        session,
        statement,
        keys,
        descending=True,
        name=f"notifications:{is_unread}",
        limit=limit,
        cursor=cursor,
    )


async def count_unread(session: AsyncSession, user_id: int) -> int:
    """Up to MAX_COUNTED."""
    unread = select(Notification.id).where(Notification.user_id == user_id, Notification.read_at.is_(None))
    return await session.scalar(select(func.count()).select_from(unread.limit(MAX_COUNTED).subquery())) or 0


async def mark(session: AsyncSession, user_id: int, ids: Sequence[uuid.UUID] | None, is_read: bool) -> int:
    """Mark these notifications of the user, or all; returns how many are unread then. Those of others are not
    found."""
    differs = Notification.read_at.is_(None) if is_read else Notification.read_at.is_not(None)
    marked = update(Notification).where(Notification.user_id == user_id, differs)
    if ids is not None:
        marked = marked.where(Notification.id.in_(ids))
    async with session.begin():
        await session.execute(marked.values(read_at=func.now() if is_read else None))
        return await count_unread(session, user_id)


async def wanted(session: AsyncSession, user_id: int) -> Wanted:
    settings = await session.get(NotificationSettings, user_id)
    return Wanted(**dict.fromkeys(settings.unwanted if settings else (), False))


async def want(session: AsyncSession, user_id: int, changes: Mapping[str, bool]) -> Wanted:
    """Change what the user wants to hear of."""
    async with session.begin():
        # Two changes at once wait for each other.
        await session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
        before = await wanted(session, user_id)
        after = before.model_copy(update=dict(changes))
        values = {"unwanted": [kind for kind, is_wanted in after.model_dump().items() if not is_wanted]}
        stored = insert(NotificationSettings).values(user_id=user_id, **values)
        await session.execute(stored.on_conflict_do_update(index_elements=["user_id"], set_=values))
    return after
