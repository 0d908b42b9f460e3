"""Changes of all links of a workspace, or of all without an owner."""

import uuid
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.models import Workspace
from shortener.access.principals import user_subject
from shortener.audit.trail import Action, record, workspace_subject
from shortener.links.eviction import Eviction
from shortener.links.models import Link
from shortener.stores.database import driver_of
from shortener.tags.assignment import move

_DELETED_AT_ONCE = 1000


async def delete_all(session: AsyncSession, evict: Eviction, workspace_id: uuid.UUID) -> None:
    """The links of a workspace, in many short transactions; what is created meanwhile may stay."""
    while True:
        async with session.begin():
            codes = await delete_some(session, workspace_id, _DELETED_AT_ONCE)
        await evict(*codes)
        if len(codes) < _DELETED_AT_ONCE:
            return


async def delete_some(session: AsyncSession, workspace_id: uuid.UUID, limit: int | None = None) -> list[str]:
    """Mark links of a workspace as deleted, in the session's transaction, the oldest first. Their codes are to be
    evicted once it is committed."""
    some = (
        select(Link.id)
        .where(Link.workspace_id == workspace_id, Link.deleted_at.is_(None))
        .order_by(Link.created_at, Link.id)
        .limit(limit)
        .with_for_update()
    )
    now = datetime.now(UTC)
    deleted = update(Link).where(Link.id.in_(some)).values(deleted_at=now, updated_at=now).returning(Link.code)
    codes = list(await session.scalars(deleted, execution_options={"synchronize_session": False}))
    if codes:
        record(session, Action.LINKS_DELETED, workspace_subject(workspace_id), links=len(codes))
    return codes


async def adopt_some(session: AsyncSession, user_id: int, limit: int) -> int:
    """Give links without owner to the user, who is locked, in the session's transaction; returns their number."""
    some = (
        select(Link.id)
        .where(Link.workspace_id.is_(None), Link.deleted_at.is_(None))
        .order_by(Link.workspace_id, Link.created_at, Link.id)
        .limit(limit)
        .with_for_update()
    )
    personal = select(Workspace.id).where(Workspace.personal_user_id == user_id).scalar_subquery()
    adopted = update(Link).where(Link.id.in_(some)).values(workspace_id=personal).returning(Link.id)
    ids = (await session.scalars(adopted, execution_options={"synchronize_session": False})).all()
    if ids:
        record(session, Action.LINKS_ADOPTED, user_subject(user_id), links=len(ids))
        workspace_id = await session.scalar(select(personal))
        assert workspace_id is not None
        await move(await driver_of(await session.connection()), ids, workspace_id)
    return len(ids)
