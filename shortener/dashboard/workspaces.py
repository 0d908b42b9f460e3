"""Workspaces, their members, and invitations into them."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.models import Member, Role, Workspace
from shortener.access.principals import Principal
from shortener.access.routes import LoggedIn
from shortener.dashboard.forms import Errors, errors_of, read_form, text_of, validated
from shortener.dashboard.page import redirect, render
from shortener.dashboard.parts import DASHBOARD
from shortener.dashboard.reader import VisitorDep, show_workspace
from shortener.dashboard.routes import PersonRoute
from shortener.dashboard.toasts import set_toast
from shortener.dashboard.wording import _
from shortener.errors import ShortenerError
from shortener.http.pagination import MAX_TOTAL
from shortener.links.counts import counts_of_links
from shortener.parts import parts_of
from shortener.stores.sessions import Writer
from shortener.workspaces.api import Workspaces
from shortener.workspaces.invitations import MAX_INVITATIONS, invite, revoke
from shortener.workspaces.listing import has_other_owner, invitations_of, members_of
from shortener.workspaces.schemas import InvitationCreate, MemberUpdate, WorkspaceIn

router = APIRouter(prefix="/-/workspaces", route_class=PersonRoute, include_in_schema=False)

_MEMBERS = 50
# Counting more links of each of a hundred workspaces would take long.
_COUNTED = 1000
_REFUSED = (403, 409, 422)


async def _list(
    request: Request, session: AsyncSession, visitor: VisitorDep, name: str = "", errors: Errors | None = None
) -> Response:
    counts = await counts_of_links(session, [space.id for space in visitor.spaces], _COUNTED)
    values = {"visitor": visitor, "counts": counts, "counted": _COUNTED, "name": name, "errors": errors or {}}
    return render(request, "workspaces.html", values, status=422 if errors else 200)


@router.head("")
@router.get("")
async def list_page(request: Request, session: Writer, visitor: VisitorDep) -> Response:
    return await _list(request, session, visitor)


@router.post("")
async def create(
    request: Request, session: Writer, principal: LoggedIn, visitor: VisitorDep, workspaces: Workspaces
) -> Response:
    form = await read_form(request)
    name = text_of(form, "name")
    try:
        asked = validated(WorkspaceIn, {"name": name})
        workspace, _member = await workspaces.create(session, principal.user_id, asked.name)
    except ShortenerError as error:
        if error.status not in _REFUSED:
            raise
        return await _list(request, session, visitor, name, errors_of(error))
    return show_workspace(redirect(f"/-/workspaces/{workspace.id}"), workspace.id)


async def _one(
    request: Request,
    session: AsyncSession,
    principal: Principal,
    found: tuple[Workspace, Member],
    *,
    cursor: str = "",
    section: str = "",
    errors: Errors | None = None,
    typed: dict[str, str] | None = None,
    token: str | None = None,
) -> Response:
    """`errors` belong to the form of this section."""
    workspace, me = found
    async with session.begin():
        page = await members_of(session, workspace.id, _MEMBERS, cursor or None)
        invitations = await invitations_of(session, principal, workspace.id, MAX_INVITATIONS)
        may_leave = me.role != Role.OWNER or await has_other_owner(session, workspace.id, principal.user_id)
    base_url = parts_of(request)[DASHBOARD].base_url
    values = {
        "workspace": workspace,
        "is_personal": workspace.personal_user_id is not None,
        "me": me,
        "is_owner": me.role == Role.OWNER,
        "may_leave": may_leave,
        "members": [(row[0], row[1]) for row in page.rows],
        "next": page.next_cursor,
        "previous": page.previous_cursor,
        "invitations": invitations,
        "roles": list(Role),
        "links": (await counts_of_links(session, [workspace.id], MAX_TOTAL))[workspace.id],
        "typed": {"email": "", "role": Role.EDITOR, "name": workspace.name, "sure": ""} | (typed or {}),
        "errors": {section: errors} if errors else {},
        "invited": None if token is None else {**(typed or {}), "link": f"{base_url}/-/join#{token}"},
    }
    return render(request, "workspace.html", values, status=422 if errors else 200, is_secret=token is not None)


@router.head("/{workspace_id}")
@router.get("/{workspace_id}")
async def workspace_page(
    workspace_id: uuid.UUID,
    request: Request,
    session: Writer,
    principal: LoggedIn,
    _visitor: VisitorDep,
    workspaces: Workspaces,
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    found = await workspaces.get(session, workspace_id, principal.user_id)
    return await _one(request, session, principal, found, cursor=cursor)


@router.post("/{workspace_id}/invitations")
async def create_invitation(
    workspace_id: uuid.UUID,
    request: Request,
    session: Writer,
    principal: LoggedIn,
    _visitor: VisitorDep,
    workspaces: Workspaces,
) -> Response:
    """The answer is the only page that shows the invitation."""
    form = await read_form(request)
    typed = {name: text_of(form, name) for name in ("email", "role")}
    found = await workspaces.get(session, workspace_id, principal.user_id)
    try:
        asked = validated(InvitationCreate, typed | {"workspace": workspace_id})
        _invitation, token = await invite(session, principal, asked.email, workspace_id, asked.role)
    except ShortenerError as error:
        if error.status not in (409, 422):
            raise
        return await _one(request, session, principal, found, section="invite", errors=errors_of(error), typed=typed)
    return await _one(request, session, principal, found, typed=typed, token=token)


@router.post("/{workspace_id}/invitations/{invitation_id}/revoke")
async def revoke_invitation(
    workspace_id: uuid.UUID, invitation_id: uuid.UUID, session: Writer, principal: LoggedIn
) -> Response:
    await revoke(session, principal, invitation_id)
    return set_toast(redirect(f"/-/workspaces/{workspace_id}"), "invitation-revoked")


@router.post("/{workspace_id}/rename")
async def rename(
    workspace_id: uuid.UUID,
    request: Request,
    session: Writer,
    principal: LoggedIn,
    _visitor: VisitorDep,
    workspaces: Workspaces,
) -> Response:
    form = await read_form(request)
    name = text_of(form, "name")
    try:
        asked = validated(WorkspaceIn, {"name": name})
    except ShortenerError as error:
        found = await workspaces.get(session, workspace_id, principal.user_id)
        wrong: dict[str, Any] = {"section": "rename", "errors": errors_of(error), "typed": {"name": name}}
        return await _one(request, session, principal, found, **wrong)
    await workspaces.rename(session, workspace_id, principal.user_id, asked.name)
    return set_toast(redirect(f"/-/workspaces/{workspace_id}"), "workspace-renamed")


@router.post("/{workspace_id}/members/{member_id}/role")
async def set_role(
    workspace_id: uuid.UUID,
    member_id: uuid.UUID,
    request: Request,
    session: Writer,
    principal: LoggedIn,
    workspaces: Workspaces,
) -> Response:
    asked = validated(MemberUpdate, {"role": text_of(await read_form(request), "role")})
    await workspaces.set_role(session, workspace_id, principal.user_id, member_id, asked.role)
    return set_toast(redirect(f"/-/workspaces/{workspace_id}"), "role-changed")


@router.post("/{workspace_id}/members/{member_id}/remove")
async def remove(
    workspace_id: uuid.UUID, member_id: uuid.UUID, session: Writer, principal: LoggedIn, workspaces: Workspaces
) -> Response:
    _workspace, me = await workspaces.get(session, workspace_id, principal.user_id)
    await workspaces.remove(session, workspace_id, principal.user_id, member_id)
    if me.id == member_id:
        return set_toast(redirect("/-/workspaces"), "workspace-left")
    return set_toast(redirect(f"/-/workspaces/{workspace_id}"), "member-removed")


@router.post("/{workspace_id}/delete")
async def delete(
    workspace_id: uuid.UUID,
    request: Request,
    session: Writer,
    principal: LoggedIn,
    _visitor: VisitorDep,
    workspaces: Workspaces,
) -> Response:
    form = await read_form(request)
    sure = text_of(form, "sure")
    found = await workspaces.get(session, workspace_id, principal.user_id)
    if sure != found[0].name:
        wrong: dict[str, Any] = {"errors": {"sure": _("This is not the name of the workspace.")}}
        return await _one(request, session, principal, found, section="delete", typed={"sure": sure}, **wrong)
    await workspaces.delete(session, workspace_id, principal.user_id)
    return set_toast(redirect("/-/workspaces"), "workspace-deleted")
