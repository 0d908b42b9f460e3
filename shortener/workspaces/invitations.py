"""Invitations: into a workspace, or to make an account. One is worth what its inviter may do when it is accepted, and
its token is stored as a hash only. Mail is not sent: who invites hands the token on."""

import uuid
from datetime import UTC, datetime, timedelta

import uuid_utils.compat
from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.credentials import InsufficientScope, InvalidCredential
from shortener.access.models import Member, Role, User, Workspace
from shortener.access.principals import Principal, Scope, user_subject
from shortener.access.tokens import hash_secret, new_invitation_token
from shortener.audit.trail import Action, Value, invitation_subject, record, workspace_subject
from shortener.errors import Conflict, Forbidden, NotFound
from shortener.workspaces.models import Invitation
from shortener.workspaces.service import check_shared, own, record_member

LIFETIME = timedelta(days=7)
MAX_INVITATIONS = 100


class UnknownInvitation(NotFound):
    type, title = "invitation-not-found", "No such invitation"

    def __init__(self) -> None:
        super().__init__("There is no such invitation for you, or it no longer works.")


class InvitationRequired(Forbidden):
    type, title = "invitation-required", "Invitation required"

    def __init__(self) -> None:
        super().__init__("An account for this address needs an invitation for it that is neither used nor expired.")


class AlreadyMember(Conflict):
    type, title = "already-member", "Already a member"

    def __init__(self) -> None:
        super().__init__("This address is a member of the workspace already. Change the role instead.")


class TooManyInvitations(Conflict):
    type, title = "too-many-invitations", "Too many invitations"

    def __init__(self) -> None:
        super().__init__(f"At most {MAX_INVITATIONS} can be open at a time. Revoke one that is not needed.")


async def invite(
    session: AsyncSession, principal: Principal, email: str, workspace_id: uuid.UUID | None, role: Role | None
) -> tuple[Invitation, str]:
    """The invitation, in place of an earlier one for the same, and its token, which is nowhere else. Raises
    InsufficientScope, UnknownWorkspace, InsufficientRole, PersonalWorkspace, AlreadyMember, TooManyInvitations."""
    if workspace_id is None and Scope.ADMIN not in principal.scopes:
        raise InsufficientScope(Scope.ADMIN)
    token = new_invitation_token()
    now = datetime.now(UTC)
    invitation = Invitation(
        id=uuid_utils.compat.uuid7(),
        workspace_id=workspace_id,
        email=email,
        role=role,
        hash=hash_secret(token),
        invited_by=principal.user_id,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    async with session.begin():
        # Who counts invitations waits for who makes one.
        inviter = select(User.id).where(User.id == principal.user_id).with_for_update()
        if await session.scalar(inviter) is None:
            raise InvalidCredential
        if workspace_id is not None:
            await _check_invitable(session, workspace_id, principal.user_id, email)
        of_inviter = Invitation.invited_by == principal.user_id
        same = and_(Invitation.workspace_id.is_not_distinct_from(workspace_id), Invitation.email == email)
        await session.execute(delete(Invitation).where(or_(same, and_(of_inviter, Invitation.expires_at < func.now()))))
        if (await session.scalar(select(func.count()).where(of_inviter)) or 0) >= MAX_INVITATIONS:
            raise TooManyInvitations
        session.add(invitation)
        _record(session, Action.INVITATION_CREATED, invitation)
    return invitation, token


async def revoke(session: AsyncSession, principal: Principal, invitation_id: uuid.UUID) -> None:
    """Raises UnknownInvitation, also for one that is not theirs to revoke."""
    async with session.begin():
        revoked = await session.scalar(
            delete(Invitation)
            .where(Invitation.id == invitation_id, managed_by(principal))
            .returning(Invitation)
            .execution_options(synchronize_session=False)
        )
        if revoked is None:
            raise UnknownInvitation
        _record(session, Action.INVITATION_REVOKED, revoked)


async def accept(session: AsyncSession, user_id: int, token: str) -> tuple[Workspace, Member]:
    """Raises UnknownInvitation, AlreadyMember, InvalidCredential."""
    async with session.begin():
        email = await session.scalar(select(User.email).where(User.id == user_id).with_for_update(key_share=True))
        if email is None:
            raise InvalidCredential
        invitation = await find_invitation(session, token, email)
        if invitation is None or invitation.workspace_id is None:
            raise UnknownInvitation
        await use_invitation(session, invitation, user_id)
        member = await session.get_one(Member, (invitation.workspace_id, user_id))
        return await session.get_one(Workspace, invitation.workspace_id), member


async def find_invitation(session: AsyncSession, token: str, email: str) -> Invitation | None:
    """The invitation, where it holds for this address; locked, its workspace before it, until the transaction ends."""
    mine = and_(Invitation.hash == hash_secret(token), Invitation.email == email)
    await session.execute(
        select(Workspace.id)
        .join(Invitation, Invitation.workspace_id == Workspace.id)
        .where(mine)
        .with_for_update(of=Workspace, read=True, key_share=True)
    )
    holds = select(Invitation).where(mine, Invitation.expires_at > func.now(), _is_backed())
    return await session.scalar(holds.with_for_update())


async def use_invitation(session: AsyncSession, invitation: Invitation, user_id: int) -> None:
    """Raises AlreadyMember."""
    await session.delete(invitation)
    await session.flush()
    _record(session, Action.INVITATION_ACCEPTED, invitation, user=user_subject(user_id))
    if invitation.workspace_id is None or invitation.role is None:
        return
    joined = await session.scalar(
        insert(Member)
        .values(
            workspace_id=invitation.workspace_id,
            user_id=user_id,
            id=uuid_utils.compat.uuid7(),
            role=invitation.role,
        )
        .on_conflict_do_nothing()
        .returning(Member.user_id)
    )
    if joined is None:
        raise AlreadyMember
    record_member(session, Action.MEMBER_ADDED, invitation.workspace_id, user_id, invitation.role)


def _record(session: AsyncSession, action: Action, invitation: Invitation, **details: Value) -> None:
    """Not whom it is for: that is an address."""
    if invitation.workspace_id is not None and invitation.role is not None:
        details |= {"workspace": workspace_subject(invitation.workspace_id), "role": invitation.role}
    record(session, action, invitation_subject(invitation.id), by=None, **details)


def managed_by(principal: Principal) -> ColumnElement[bool]:
    """Those that they may see and revoke: into workspaces that they own, and for an admin those without one."""
    owned = exists().where(
        Member.workspace_id == Invitation.workspace_id, Member.user_id == principal.user_id, Member.role == Role.OWNER
    )
    return or_(owned, Invitation.workspace_id.is_(None)) if Scope.ADMIN in principal.scopes else owned


def _is_backed() -> ColumnElement[bool]:
    """The inviter could still invite."""
    owner = exists().where(
        Member.workspace_id == Invitation.workspace_id,
        Member.user_id == Invitation.invited_by,
        Member.role == Role.OWNER,
    )
    return exists().where(
        User.id == Invitation.invited_by,
        User.is_disabled.is_(False),
        or_(owner, and_(Invitation.workspace_id.is_(None), User.is_admin)),
    )


async def _check_invitable(session: AsyncSession, workspace_id: uuid.UUID, user_id: int, email: str) -> None:
    workspace, _ = await own(session, workspace_id, user_id)
    check_shared(workspace)
    is_member = exists().where(Member.workspace_id == workspace_id, Member.user_id == User.id, User.email == email)
    if await session.scalar(select(is_member)):
        raise AlreadyMember
