"""The service for workspaces and their members. Changes of owners lock the workspace's row first, users before
workspaces and workspaces by id, so that two owners cannot both leave at once."""

import uuid
from collections.abc import Sequence

import uuid_utils.compat
from redis.asyncio import Redis
from sqlalchemy import delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from shortener.access.credentials import InvalidCredential
from shortener.access.memberships import InsufficientRole, PersonalWorkspace, UnknownWorkspace
from shortener.access.models import Member, Role, User, Workspace
from shortener.access.principals import user_subject
from shortener.access.revocation import MEMBERS_CHANNEL
from shortener.audit.trail import Action, record, workspace_subject
from shortener.errors import Conflict, NotFound
from shortener.links.eviction import Eviction
from shortener.links.mass import delete_all, delete_some
from shortener.stores.invalidations import report

MAX_WORKSPACES = 100
_NAMED = 10


class TooManyWorkspaces(Conflict):
    """A user can own 100 workspaces.

    Delete one.
    """

    type, title = "too-many-workspaces", "Too many workspaces"

    def __init__(self) -> None:
        super().__init__(f"A user can own at most {MAX_WORKSPACES} workspaces. Delete one that you no longer need.")


class UnknownMember(NotFound):
    """The workspace has no member with this id.

    `GET /api/v1/workspaces/{id}/members`
    """

    type, title = "member-not-found", "No such member"

    def __init__(self) -> None:
        super().__init__("This person is not a member of the workspace.")


class LastOwner(Conflict):
    """The workspace would be left without an owner.

    Make somebody else an owner first.
    """

    type, title = "last-owner", "Last owner"

    def __init__(self) -> None:
        super().__init__("A workspace needs an owner. Make somebody else an owner first, or delete the workspace.")


class OnlyOwner(Conflict):
    """The account to delete is the only owner of workspaces that have other members or links; `detail` lists them.

    Make somebody else an owner of each workspace, or delete it.
    """

    type, title = "only-owner", "Only owner"

    def __init__(self, workspaces: Sequence[Workspace]) -> None:
        names = ", ".join(f"{workspace.name} ({workspace.id})" for workspace in workspaces[:_NAMED])
        more = f" and {len(workspaces) - _NAMED} more" if len(workspaces) > _NAMED else ""
        super().__init__(
            f"You are the only owner of {names}{more}. Make somebody else an owner, or delete them, first."
        )


class WorkspaceService:
    """Creates, changes and deletes workspaces."""

    def __init__(self, redis: Redis, evict: Eviction) -> None:
        self._redis = redis
        self._evict = evict

    async def create(self, session: AsyncSession, user_id: int, name: str) -> tuple[Workspace, Member]:
        """Raises TooManyWorkspaces, InvalidCredential."""
        workspace = Workspace(id=uuid_utils.compat.uuid7(), name=name)
        owner = Member(workspace_id=workspace.id, user_id=user_id, id=uuid_utils.compat.uuid7(), role=Role.OWNER)
        async with session.begin():
            # Counting waits for others who create a workspace.
            if await session.scalar(select(User.id).where(User.id == user_id).with_for_update()) is None:
                raise InvalidCredential
            owned = select(func.count()).where(Member.user_id == user_id, Member.role == Role.OWNER)
            if (await session.scalar(owned) or 0) >= MAX_WORKSPACES:
                raise TooManyWorkspaces
            session.add(workspace)
            await session.flush()
            session.add(owner)
            await session.flush()
            await session.refresh(workspace)
            record(session, Action.WORKSPACE_CREATED, workspace_subject(workspace.id))
        return workspace, owner

    async def get(self, session: AsyncSession, workspace_id: uuid.UUID, user_id: int) -> tuple[Workspace, Member]:
        """Raises UnknownWorkspace."""
        async with session.begin():
            return await _mine(session, workspace_id, user_id)

    async def rename(
        self, session: AsyncSession, workspace_id: uuid.UUID, user_id: int, name: str
    ) -> tuple[Workspace, Member]:
        """Raises UnknownWorkspace, InsufficientRole."""
        async with session.begin():
            workspace, member = await own(session, workspace_id, user_id)
            if workspace.name != name:
                workspace.name = name
                record(session, Action.WORKSPACE_RENAMED, workspace_subject(workspace_id))
        return workspace, member

    async def delete(self, session: AsyncSession, workspace_id: uuid.UUID, user_id: int) -> None:
        """Delete a workspace and its links, which answer 410 from then on. Raises UnknownWorkspace, InsufficientRole,
        PersonalWorkspace."""
        async with session.begin():
            workspace, _ = await own(session, workspace_id, user_id)
            check_shared(workspace)
        await delete_all(session, self._evict, workspace_id)
        async with session.begin():
            await _lock(session, [workspace_id], alone=True)
            await own(session, workspace_id, user_id)
            await session.execute(delete(Member).where(Member.workspace_id == workspace_id))
            codes = await delete_some(session, workspace_id)
            await session.execute(delete(Workspace).where(Workspace.id == workspace_id))
            record(session, Action.WORKSPACE_DELETED, workspace_subject(workspace_id))
        await self._evict(*codes)
        await report(self._redis, MEMBERS_CHANNEL, str(workspace_id))

    async def set_role(
        self, session: AsyncSession, workspace_id: uuid.UUID, user_id: int, member_id: uuid.UUID, role: Role
    ) -> tuple[Member, User]:
        """Raises UnknownWorkspace, InsufficientRole, UnknownMember, LastOwner."""
        async with session.begin():
            await own(session, workspace_id, user_id)
            member = await _member(session, workspace_id, member_id)
            user = await session.get_one(User, member.user_id)
            if member.role != role:
                member.role = role
                await _check_owned(session, workspace_id)
                record_member(session, Action.MEMBER_CHANGED, workspace_id, user.id, role)
        return member, user

    async def remove(self, session: AsyncSession, workspace_id: uuid.UUID, user_id: int, member_id: uuid.UUID) -> None:
        """Members may leave; only owners remove others. Raises UnknownWorkspace, InsufficientRole, UnknownMember,
        LastOwner, PersonalWorkspace."""
        async with session.begin():
            await _lock(session, [workspace_id])
            workspace, myself = await _mine(session, workspace_id, user_id)
            if myself.id != member_id:
                _check_owner(myself)
            check_shared(workspace)
            member = await _member(session, workspace_id, member_id)
            await session.delete(member)
            await _check_owned(session, workspace_id)
            record_member(session, Action.MEMBER_REMOVED, workspace_id, member.user_id, member.role)
        await report(self._redis, MEMBERS_CHANNEL, str(workspace_id))

    async def delete_user(self, session: AsyncSession, user_id: int) -> None:
        """Delete a user with sessions, keys and the personal workspace, whose links answer 410 from then on. Raises
        OnlyOwner."""
        async with session.begin():
            await _check_leavable(session, user_id)
            personal = await session.scalar(select(Workspace.id).where(Workspace.personal_user_id == user_id))
        if personal is not None:
            await delete_all(session, self._evict, personal)
        codes: list[str] = []
        async with session.begin():
            # From here on nobody can make them a member of a workspace.
            await session.execute(select(User.id).where(User.id == user_id).with_for_update())
            every = await session.scalars(select(Member.workspace_id).where(Member.user_id == user_id))
            await _lock(session, every.all(), alone=True)
            await _check_leavable(session, user_id)
            await session.execute(delete(Member).where(Member.user_id == user_id))
            if personal is not None:
                codes = await delete_some(session, personal)
            if await session.scalar(delete(User).where(User.id == user_id).returning(User.id)) is not None:
                record(session, Action.USER_DELETED, user_subject(user_id))
        await self._evict(*codes)


def record_member(session: AsyncSession, action: Action, workspace_id: uuid.UUID, user_id: int, role: str) -> None:
    record(session, action, user_subject(user_id), workspace=workspace_subject(workspace_id), role=role)


async def own(session: AsyncSession, workspace_id: uuid.UUID, user_id: int) -> tuple[Workspace, Member]:
    """The locked workspace, if the user is its owner. Raises UnknownWorkspace, InsufficientRole."""
    await _lock(session, [workspace_id])
    workspace, member = await _mine(session, workspace_id, user_id)
    _check_owner(member)
    return workspace, member


def check_shared(workspace: Workspace) -> None:
    """Raises PersonalWorkspace."""
    if workspace.personal_user_id is not None:
        raise PersonalWorkspace


async def _lock(session: AsyncSession, workspace_ids: Sequence[uuid.UUID], *, alone: bool = False) -> None:
    """Lock against other changes of owners; with `alone`, against new members as well. A separate statement, so that
    the next one sees the changes that it waited for."""
    some = select(Workspace.id).where(Workspace.id.in_(workspace_ids)).order_by(Workspace.id)
    await session.execute(some.with_for_update(key_share=not alone))


async def _mine(session: AsyncSession, workspace_id: uuid.UUID, user_id: int) -> tuple[Workspace, Member]:
    row = (
        await session.execute(
            select(Workspace, Member)
            .join(Member, Member.workspace_id == Workspace.id)
            .where(Workspace.id == workspace_id, Member.user_id == user_id)
            .execution_options(populate_existing=True)
        )
    ).one_or_none()
    if row is None:
        raise UnknownWorkspace
    return row[0], row[1]


async def _member(session: AsyncSession, workspace_id: uuid.UUID, member_id: uuid.UUID) -> Member:
    member = await session.scalar(select(Member).where(Member.workspace_id == workspace_id, Member.id == member_id))
    if member is None:
        raise UnknownMember
    return member


def _check_owner(member: Member) -> None:
    if member.role != Role.OWNER:
        raise InsufficientRole(Role.OWNER)


async def _check_owned(session: AsyncSession, workspace_id: uuid.UUID) -> None:
    """Flushes first."""
    if not await session.scalar(select(exists().where(Member.workspace_id == workspace_id, Member.role == Role.OWNER))):
        raise LastOwner


async def _check_leavable(session: AsyncSession, user_id: int) -> None:
    other = aliased(Member)
    another_owner = exists().where(
        other.workspace_id == Workspace.id, other.user_id != user_id, other.role == Role.OWNER
    )
    alone = await session.scalars(
        select(Workspace)
        .join(Member, Member.workspace_id == Workspace.id)
        .where(Member.user_id == user_id, Member.role == Role.OWNER)
        .where(Workspace.personal_user_id.is_(None), ~another_owner)
        .order_by(Workspace.id)
    )
    if workspaces := alone.all():
        raise OnlyOwner(workspaces)
