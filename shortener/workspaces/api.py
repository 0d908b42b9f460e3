"""/api/v1/workspaces and /api/v1/invitations"""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi import status as http
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.credentials import InsufficientScope
from shortener.access.memberships import InsufficientRole, PersonalWorkspace, UnknownWorkspace
from shortener.access.models import Member, Role, User, Workspace
from shortener.access.routes import ApiRoute, Known, LoggedIn, Manager
from shortener.http.openapi import Tag, errors
from shortener.http.pagination import InvalidCursor, Limit, PageCursor, path_at, read_page
from shortener.stores.sessions import Writer
from shortener.workspaces.invitations import (
    AlreadyMember,
    TooManyInvitations,
    UnknownInvitation,
    accept,
    invite,
    read_invitation,
    revoke,
)
from shortener.workspaces.listing import members_of, open_invitations
from shortener.workspaces.models import Invitation
from shortener.workspaces.parts import WORKSPACES
from shortener.workspaces.schemas import (
    Acceptance,
    InvitationCreate,
    InvitationOut,
    InvitationPage,
    InvitationPreview,
    MemberOut,
    MemberPage,
    MemberUpdate,
    NewInvitationOut,
    WorkspaceIn,
    WorkspaceOut,
    WorkspacePage,
)
from shortener.workspaces.service import LastOwner, TooManyWorkspaces, UnknownMember, WorkspaceService

TAG = Tag("workspaces", "Whose links are whose; members and invitations.")

workspaces_router = APIRouter(prefix="/api/v1/workspaces", tags=[TAG], route_class=ApiRoute)
invitations_router = APIRouter(prefix="/api/v1/invitations", tags=[TAG], route_class=ApiRoute)


Workspaces = Annotated[WorkspaceService, Depends(WORKSPACES)]


def _workspace_out(workspace: Workspace, member: Member) -> WorkspaceOut:
    return WorkspaceOut(
        id=workspace.id,
        name=workspace.name,
        personal=workspace.personal_user_id is not None,
        role=member.role,
        created_at=workspace.created_at,
    )


def _member_out(member: Member, user: User) -> MemberOut:
    return MemberOut(id=member.id, email=user.email, role=member.role, created_at=member.created_at)


def _invitation_out(invitation: Invitation) -> InvitationOut:
    return InvitationOut(
        id=invitation.id,
        email=invitation.email,
        workspace=invitation.workspace_id,
        role=invitation.role,
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
    )


@workspaces_router.post("", status_code=http.HTTP_201_CREATED, responses=errors(TooManyWorkspaces))
async def create_workspace(
    body: WorkspaceIn, principal: Manager, session: Writer, workspaces: Workspaces
) -> WorkspaceOut:
    """Create a workspace, whose owner you are. Needs a login, or a key with the scope `admin`."""
    return _workspace_out(*await workspaces.create(session, principal.user_id, body.name))


@workspaces_router.get("", responses=errors(InvalidCursor))
async def get_workspaces(
    principal: Known, request: Request, session: Writer, limit: Limit = 50, cursor: PageCursor = None
) -> WorkspacePage:
    """The workspaces of which you are a member, including the personal one."""
    mine = select(Workspace, Member).join(Member).where(Member.user_id == principal.user_id)
    rows, next_ = await _page(request, session, mine, Workspace.id.expression, limit, cursor)
    return WorkspacePage(items=[_workspace_out(row[0], row[1]) for row in rows], next=next_)


@workspaces_router.get("/{workspace_id}", responses=errors(UnknownWorkspace))
async def get_workspace(
    workspace_id: uuid.UUID, principal: Known, session: Writer, workspaces: Workspaces
) -> WorkspaceOut:
    """One workspace."""
    return _workspace_out(*await workspaces.get(session, workspace_id, principal.user_id))


@workspaces_router.patch("/{workspace_id}", responses=errors(UnknownWorkspace, InsufficientRole))
async def rename_workspace(
    workspace_id: uuid.UUID, body: WorkspaceIn, principal: Manager, session: Writer, workspaces: Workspaces
) -> WorkspaceOut:
    """Rename a workspace. Needs the role owner, and a login or a key with the scope `admin`."""
    return _workspace_out(*await workspaces.rename(session, workspace_id, principal.user_id, body.name))


@workspaces_router.delete(
    "/{workspace_id}",
    status_code=http.HTTP_204_NO_CONTENT,
    responses=errors(UnknownWorkspace, InsufficientRole, PersonalWorkspace),
)
async def delete_workspace(
    workspace_id: uuid.UUID, principal: Manager, session: Writer, workspaces: Workspaces
) -> None:
    """Delete a workspace with all its links, which answer 410 from then on. Needs the role owner, and a login or a key
    with the scope `admin`. A request that was interrupted can be repeated."""
    await workspaces.delete(session, workspace_id, principal.user_id)


@workspaces_router.get("/{workspace_id}/members", responses=errors(UnknownWorkspace, InvalidCursor))
async def get_members(
    workspace_id: uuid.UUID,
    principal: Manager,
    request: Request,
    session: Writer,
    workspaces: Workspaces,
    limit: Limit = 50,
    cursor: PageCursor = None,
) -> MemberPage:
    """The members of one of your workspaces. Needs a login, or a key with the scope `admin`."""
    await workspaces.get(session, workspace_id, principal.user_id)
    page = await members_of(session, workspace_id, limit, cursor)
    items = [_member_out(row[0], row[1]) for row in page.rows]
    return MemberPage(items=items, next=path_at(request, page.next_cursor))


@workspaces_router.patch(
    "/{workspace_id}/members/{member_id}",
    responses=errors(UnknownWorkspace, UnknownMember, InsufficientRole, LastOwner),
)
async def set_role(
    workspace_id: uuid.UUID,
    member_id: uuid.UUID,
    body: MemberUpdate,
    principal: Manager,
    session: Writer,
    workspaces: Workspaces,
) -> MemberOut:
    """Change a member's role, in every process at once. Needs the role owner, and a login or a key with the scope
    `admin`."""
    return _member_out(*await workspaces.set_role(session, workspace_id, principal.user_id, member_id, body.role))


@workspaces_router.delete(
    "/{workspace_id}/members/{member_id}",
    status_code=http.HTTP_204_NO_CONTENT,
    responses=errors(UnknownWorkspace, UnknownMember, InsufficientRole, LastOwner, PersonalWorkspace),
)
async def remove_member(
    workspace_id: uuid.UUID, member_id: uuid.UUID, principal: Manager, session: Writer, workspaces: Workspaces
) -> None:
    """Remove a member, which needs the role owner, or leave the workspace. Needs a login, or a key with the scope
    `admin`."""
    await workspaces.remove(session, workspace_id, principal.user_id, member_id)


@invitations_router.post(
    "",
    status_code=http.HTTP_201_CREATED,
    responses=errors(
        InsufficientScope, UnknownWorkspace, InsufficientRole, PersonalWorkspace, AlreadyMember, TooManyInvitations
    ),
)
async def create_invitation(body: InvitationCreate, principal: Manager, session: Writer) -> NewInvitationOut:
    """Invite somebody into a workspace that you own, or, as an admin, to create an account. `token` is shown only in
    this answer, and works for this address for seven days. No mail is sent: pass the token on. A new invitation for the
    same address and workspace replaces it. Needs a login, or a key with the scope `admin`."""
    invitation, token = await invite(session, principal, body.email, body.workspace, body.role)
    return NewInvitationOut(**_invitation_out(invitation).model_dump(), token=token)


@invitations_router.get("", responses=errors(InvalidCursor))
async def get_invitations(
    principal: Manager, request: Request, session: Writer, limit: Limit = 50, cursor: PageCursor = None
) -> InvitationPage:
    """Open invitations into workspaces that you own, and, for an admin, those to create an account. Needs a login, or a
    key with the scope `admin`."""
    mine = open_invitations(principal)
    rows, next_ = await _page(request, session, mine, Invitation.id.expression, limit, cursor)
    return InvitationPage(items=[_invitation_out(row[0]) for row in rows], next=next_)


@invitations_router.delete(
    "/{invitation_id}", status_code=http.HTTP_204_NO_CONTENT, responses=errors(UnknownInvitation)
)
async def revoke_invitation(invitation_id: uuid.UUID, principal: Manager, session: Writer) -> None:
    """Revoke an invitation: its token no longer works. Needs a login, or a key with the scope `admin`."""
    await revoke(session, principal, invitation_id)


@invitations_router.post("/preview", responses=errors(UnknownInvitation))
async def preview_invitation(body: Acceptance, principal: LoggedIn, session: Writer) -> InvitationPreview:
    """What an invitation is for. Nothing changes. Needs a login of the invited address."""
    invitation, workspace = await read_invitation(session, principal.user_id, body.token.get_secret_value())
    return InvitationPreview(
        workspace=workspace.id,
        workspace_name=workspace.name,
        role=invitation.role or Role.VIEWER,
        expires_at=invitation.expires_at,
    )


@invitations_router.post("/accept", responses=errors(UnknownInvitation, AlreadyMember))
async def accept_invitation(body: Acceptance, principal: LoggedIn, session: Writer) -> WorkspaceOut:
    """Join the workspace of the invitation. Needs a login of the invited address."""
    return _workspace_out(*await accept(session, principal.user_id, body.token.get_secret_value()))


async def _page(
    request: Request,
    session: AsyncSession,
    statement: Select[*tuple[Any, ...]],
    id_: ColumnElement[uuid.UUID],
    limit: int,
    cursor: str | None,
) -> tuple[list[Any], str | None]:
    """A page in the order of `id_`, which is the order of creation, and the path of the next page. Raises
    InvalidCursor."""
    page = await read_page(
        session, statement, [(id_, uuid.UUID)], descending=False, name=request.url.path, limit=limit, cursor=cursor
    )
    return page.rows, path_at(request, page.next_cursor)
