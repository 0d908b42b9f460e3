"""/api/v1/workspaces and /api/v1/invitations"""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi import status as http
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.models import Member, User, Workspace
from shortener.access.routes import ApiRoute, Known, LoggedIn, Manager
from shortener.http.openapi import errors
from shortener.http.pagination import Limit, PageCursor, path_at, read_page
from shortener.stores.database import Writer
from shortener.workspaces.invitations import accept, invite, managed_by, revoke
from shortener.workspaces.models import Invitation
from shortener.workspaces.schemas import (
    Acceptance,
    InvitationCreate,
    InvitationOut,
    InvitationPage,
    MemberOut,
    MemberPage,
    MemberUpdate,
    NewInvitationOut,
    WorkspaceIn,
    WorkspaceOut,
    WorkspacePage,
)
from shortener.workspaces.service import WorkspaceService

workspaces_router = APIRouter(prefix="/workspaces", tags=["workspaces"], route_class=ApiRoute)
invitations_router = APIRouter(prefix="/invitations", tags=["workspaces"], route_class=ApiRoute)


async def _service(request: Request) -> WorkspaceService:
    service: WorkspaceService = request.app.state.workspaces
    return service


Workspaces = Annotated[WorkspaceService, Depends(_service)]


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


@workspaces_router.post("", status_code=http.HTTP_201_CREATED, responses=errors(400, 401, 403, 409, 413, 422, 429, 503))
async def create_workspace(
    body: WorkspaceIn, principal: Manager, session: Writer, workspaces: Workspaces
) -> WorkspaceOut:
    """Make a workspace, and be its owner. Needs a login, or a key with the scope `admin`."""
    return _workspace_out(*await workspaces.create(session, principal.user_id, body.name))


@workspaces_router.get("", responses=errors(400, 401, 403, 422, 429, 503))
async def get_workspaces(
    principal: Known, request: Request, session: Writer, limit: Limit = 50, cursor: PageCursor = None
) -> WorkspacePage:
    """The workspaces of which you are a member, the personal one among them."""
    mine = select(Workspace, Member).join(Member).where(Member.user_id == principal.user_id)
    rows, next_ = await _page(request, session, mine, Workspace.id.expression, limit, cursor)
    return WorkspacePage(items=[_workspace_out(row[0], row[1]) for row in rows], next=next_)


@workspaces_router.get("/{workspace_id}", responses=errors(401, 403, 404, 422, 429, 503))
async def get_workspace(
    workspace_id: uuid.UUID, principal: Known, session: Writer, workspaces: Workspaces
) -> WorkspaceOut:
    """One workspace."""
    return _workspace_out(*await workspaces.get(session, workspace_id, principal.user_id))


@workspaces_router.patch("/{workspace_id}", responses=errors(400, 401, 403, 404, 413, 422, 429, 503))
async def rename_workspace(
    workspace_id: uuid.UUID, body: WorkspaceIn, principal: Manager, session: Writer, workspaces: Workspaces
) -> WorkspaceOut:
    """Rename a workspace. Needs the role owner, and a login or a key with the scope `admin`."""
    return _workspace_out(*await workspaces.rename(session, workspace_id, principal.user_id, body.name))


@workspaces_router.delete(
    "/{workspace_id}", status_code=http.HTTP_204_NO_CONTENT, responses=errors(401, 403, 404, 409, 422, 429, 503)
)
async def delete_workspace(
    workspace_id: uuid.UUID, principal: Manager, session: Writer, workspaces: Workspaces
) -> None:
    """Delete a workspace with all its links, which answer 410 from then on. Needs the role owner, and a login or a key
    with the scope `admin`. One that is cut short can be repeated."""
    await workspaces.delete(session, workspace_id, principal.user_id)


@workspaces_router.get("/{workspace_id}/members", responses=errors(400, 401, 403, 404, 422, 429, 503))
async def get_members(
    workspace_id: uuid.UUID,
    principal: Manager,
    request: Request,
    session: Writer,
    workspaces: Workspaces,
    limit: Limit = 50,
    cursor: PageCursor = None,
) -> MemberPage:
    """Who is a member of a workspace of yours. Needs a login, or a key with the scope `admin`."""
    await workspaces.get(session, workspace_id, principal.user_id)
    members = select(Member, User).join(User, User.id == Member.user_id).where(Member.workspace_id == workspace_id)
    rows, next_ = await _page(request, session, members, Member.id.expression, limit, cursor)
    return MemberPage(items=[_member_out(row[0], row[1]) for row in rows], next=next_)


@workspaces_router.patch(
    "/{workspace_id}/members/{member_id}", responses=errors(400, 401, 403, 404, 409, 413, 422, 429, 503)
)
async def set_role(
    workspace_id: uuid.UUID,
    member_id: uuid.UUID,
    body: MemberUpdate,
    principal: Manager,
    session: Writer,
    workspaces: Workspaces,
) -> MemberOut:
    """Change what a member may do, in every process at once. Needs the role owner, and a login or a key with the scope
    `admin`."""
    return _member_out(*await workspaces.set_role(session, workspace_id, principal.user_id, member_id, body.role))


@workspaces_router.delete(
    "/{workspace_id}/members/{member_id}",
    status_code=http.HTTP_204_NO_CONTENT,
    responses=errors(401, 403, 404, 409, 422, 429, 503),
)
async def remove_member(
    workspace_id: uuid.UUID, member_id: uuid.UUID, principal: Manager, session: Writer, workspaces: Workspaces
) -> None:
    """Remove a member, which needs the role owner, or leave. Needs a login, or a key with the scope `admin`."""
    await workspaces.remove(session, workspace_id, principal.user_id, member_id)


@invitations_router.post(
    "", status_code=http.HTTP_201_CREATED, responses=errors(400, 401, 403, 404, 409, 413, 422, 429, 503)
)
async def create_invitation(body: InvitationCreate, principal: Manager, session: Writer) -> NewInvitationOut:
    """Invite somebody into a workspace that you own, or, as an admin, to make an account. `token` is shown only in this
    answer, and works for this address and for seven days: hand it on, no mail is sent. Another for the same address and
    workspace takes its place. Needs a login, or a key with the scope `admin`."""
    invitation, token = await invite(session, principal, body.email, body.workspace, body.role)
    return NewInvitationOut(**_invitation_out(invitation).model_dump(), token=token)


@invitations_router.get("", responses=errors(400, 401, 403, 422, 429, 503))
async def get_invitations(
    principal: Manager, request: Request, session: Writer, limit: Limit = 50, cursor: PageCursor = None
) -> InvitationPage:
    """Open invitations into workspaces that you own, and, for an admin, to make an account. Needs a login, or a key
    with the scope `admin`."""
    open_ = select(Invitation).where(managed_by(principal), Invitation.expires_at > func.now())
    rows, next_ = await _page(request, session, open_, Invitation.id.expression, limit, cursor)
    return InvitationPage(items=[_invitation_out(row[0]) for row in rows], next=next_)


@invitations_router.delete(
    "/{invitation_id}", status_code=http.HTTP_204_NO_CONTENT, responses=errors(401, 403, 404, 422, 429, 503)
)
async def revoke_invitation(invitation_id: uuid.UUID, principal: Manager, session: Writer) -> None:
    """Revoke an invitation: its token no longer works. Needs a login, or a key with the scope `admin`."""
    await revoke(session, principal, invitation_id)


@invitations_router.post("/accept", responses=errors(400, 401, 403, 404, 409, 413, 422, 429, 503))
async def accept_invitation(body: Acceptance, principal: LoggedIn, session: Writer) -> WorkspaceOut:
    """Become a member of the workspace that the invitation is for. Needs a login of the invited address."""
    return _workspace_out(*await accept(session, principal.user_id, body.token.get_secret_value()))


async def _page(
    request: Request,
    session: AsyncSession,
    statement: Select[*tuple[Any, ...]],
    id_: ColumnElement[uuid.UUID],
    limit: int,
    cursor: str | None,
) -> tuple[list[Any], str | None]:
    """A page in the order of `id_`, by which the rows were made, and the next one's path. Raises InvalidCursor."""
    page = await read_page(
        session, statement, [(id_, uuid.UUID)], descending=False, name=request.url.path, limit=limit, cursor=cursor
    )
    return page.rows, path_at(request, page.next_cursor)
