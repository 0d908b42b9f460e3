"""Lists of members and open invitations, oldest first."""

import uuid

from sqlalchemy import Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.models import Member, Role, User
from shortener.access.principals import Principal
from shortener.http.pagination import Page, read_page
from shortener.workspaces.invitations import managed_by
from shortener.workspaces.models import Invitation


async def members_of(session: AsyncSession, workspace_id: uuid.UUID, limit: int, cursor: str | None) -> Page:
    """Rows of the member and the user. Raises InvalidCursor."""
    statement = select(Member, User).join(User, User.id == Member.user_id).where(Member.workspace_id == workspace_id)
    keys = [(Member.id.expression, uuid.UUID)]
    name = f"members:{workspace_id}"
    return await read_page(session, statement, keys, descending=False, name=name, limit=limit, cursor=cursor)


def open_invitations(principal: Principal) -> Select[Invitation]:
    """Those that they may see and revoke."""
    return select(Invitation).where(managed_by(principal), Invitation.expires_at > func.now())


async def invitations_of(
    session: AsyncSession, principal: Principal, workspace_id: uuid.UUID | None, limit: int
) -> list[Invitation]:
    """Open ones into this workspace, the newest first."""
    statement = open_invitations(principal).where(Invitation.workspace_id.is_not_distinct_from(workspace_id))
    return list(await session.scalars(statement.order_by(Invitation.id.desc()).limit(limit)))


async def has_other_owner(session: AsyncSession, workspace_id: uuid.UUID, user_id: int) -> bool:
    other = exists().where(Member.workspace_id == workspace_id, Member.user_id != user_id, Member.role == Role.OWNER)
    return bool(await session.scalar(select(other)))
