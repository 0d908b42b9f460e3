"""Invitations into a workspace, or to create an account. The inviter must still have the right to invite when it is
accepted. Its token is stored only as a hash. No mail is sent: the inviter passes the token on."""

import uuid
from datetime import UTC, datetime, timedelta

import uuid_utils.compat
from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.credentials import InsufficientScope, InvalidCredential
from shortener.access.models import Member, Role, User, Workspace
from shortener.access.principals import Principal, user_subject
from shortener.access.scopes import Scope
from shortener.access.tokens import hash_secret, new_invitation_token
from shortener.audit.trail import Action, Value, invitation_subject, record, workspace_subject
from shortener.errors import Conflict, Forbidden, NotFound
from shortener.notifications.kinds import NotificationKind
from shortener.notifications.service import notify
from shortener.workspaces.models import Invitation
from shortener.workspaces.service import check_shared, own, record_member

LIFETIME = timedelta(days=7)
MAX_INVITATIONS = 100


class UnknownInvitation(NotFound):
    """The invitation does not exist, was used or revoked, has expired, is for another address, or comes from somebody
    who may no longer invite.

    Ask for another invitation.
    """

    type, title = "invitation-not-found", "No such invitation"

    def __init__(self) -> None:
        super().__init__("This invitation does not exist, is not for you, or is no longer valid.")


class InvitationRequired(Forbidden):
    """`SHORTENER_REGISTRATION` is `invite`, and this address has no valid invitation.

    Ask for an invitation.
    """

    type, title = "invitation-required", "Invitation required"

    def __init__(self) -> None:
        super().__init__("Registering this address needs an invitation for it that is neither used nor expired.")


class AlreadyMember(Conflict):
    """The invited person is already a member.

    Change the role instead.
    """

    type, title = "already-member", "Already a member"

    def __init__(self) -> None:
        super().__init__("This address is already a member of the workspace. Change the role instead.")


class TooManyInvitations(Conflict):
    """A user can have 100 open invitations.

    Revoke one.
    """

    type, title = "too-many-invitations", "Too many invitations"

    def __init__(self) -> None:
        super().__init__(f"At most {MAX_INVITATIONS} invitations can be open at a time. Revoke one first.")


async def invite(
    session: AsyncSession, principal: Principal, email: str, workspace_id: uuid.UUID | None, role: Role | None
) -> tuple[Invitation, str]:
    """The invitation, which replaces an earlier equal one, and its token, which is stored nowhere. Raises
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
        # Counting waits for others who create an invitation.
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
        await _tell(session, invitation)
    return invitation, token


async def revoke(session: AsyncSession, principal: Principal, invitation_id: uuid.UUID) -> None:
    """Raises UnknownInvitation, even if it exists but they may not revoke it."""
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


async def read_invitation(session: AsyncSession, user_id: int, token: str) -> tuple[Invitation, Workspace]:
    """An invitation that the user may accept, and its workspace. Raises UnknownInvitation."""
    async with session.begin():
        email = await session.scalar(select(User.email).where(User.id == user_id))
        invitation = None if email is None else await find_invitation(session, token, email)
        if invitation is None or invitation.workspace_id is None:
            raise UnknownInvitation
        return invitation, await session.get_one(Workspace, invitation.workspace_id)


async def find_invitation(session: AsyncSession, token: str, email: str) -> Invitation | None:
    """The invitation, if it is valid for this address. Locks its workspace and then it until the transaction ends."""
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
    """The entry does not name the invited person, because that is an address."""
    if invitation.workspace_id is not None and invitation.role is not None:
        details |= {"workspace": workspace_subject(invitation.workspace_id), "role": invitation.role}
    record(session, action, invitation_subject(invitation.id), by=None, **details)


async def _tell(session: AsyncSession, invitation: Invitation) -> None:
    """Tell who has an account with this address. The token, which they need, comes from the inviter."""
    invited = await session.scalar(select(User.id).where(User.email == invitation.email))
    if invited is not None and invitation.workspace_id is not None:
        members = {"workspace_id": invitation.workspace_id, "by_user_id": invitation.invited_by}
        await notify(session, NotificationKind.INVITED, [invited], invitation.id, **members)


def managed_by(principal: Principal) -> ColumnElement[bool]:
    """Invitations that they may see and revoke: into workspaces that they own, and for an admin those without a
    workspace."""
    owned = exists().where(
        Member.workspace_id == Invitation.workspace_id, Member.user_id == principal.user_id, Member.role == Role.OWNER
    )
    return or_(owned, Invitation.workspace_id.is_(None)) if Scope.ADMIN in principal.scopes else owned


def _is_backed() -> ColumnElement[bool]:
    """Whether the inviter could still invite."""
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
