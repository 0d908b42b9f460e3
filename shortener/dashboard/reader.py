"""Who reads a page, and the workspaces that they see."""

import uuid
from typing import Annotated, NamedTuple

from fastapi import Depends, Request, Response
from sqlalchemy import select

from shortener.access.memberships import ANONYMOUS, WorkspaceRef
from shortener.access.models import Member, Role, User, Workspace
from shortener.access.principals import PRINCIPAL_KEY, Principal
from shortener.accounts.preferences import PreferencesOut
from shortener.accounts.users import PERSONAL_NAME
from shortener.dashboard.page import set_frame, speak_to
from shortener.dashboard.preferences import YEAR_S, keep_preferences
from shortener.dashboard.wording import _
from shortener.notifications.service import count_unread
from shortener.parts import parts_of
from shortener.stores.sessions import Writer

_COOKIE = "workspace"


class Space(NamedTuple):
    id: uuid.UUID
    name: str
    role: Role
    is_personal: bool


class Visitor(NamedTuple):
    """`space` is the workspace that is shown; None for links without an owner, or without a login. `unread` counts
    notifications."""

    email: str | None
    is_admin: bool
    has_password: bool
    spaces: list[Space]
    space: Space | None
    may_read: bool
    may_create: bool
    unread: int = 0

    @property
    def place(self) -> WorkspaceRef | None:
        """The workspace as the services take it."""
        if self.space is not None:
            return self.space.id
        return None if self.email else ANONYMOUS

    @property
    def may_write(self) -> bool:
        """Whether links of the shown workspace may be changed."""
        return self.may_read if self.space is None else self.space.role != Role.VIEWER

    def role_in(self, workspace: uuid.UUID | None) -> Role | None:
        return next((space.role for space in self.spaces if space.id == workspace), None)

    def may_write_in(self, workspace: uuid.UUID | None) -> bool:
        if workspace is None:
            return self.may_read and self.email is None
        return any(space.id == workspace and space.role != Role.VIEWER for space in self.spaces)


async def _visitor(request: Request, session: Writer) -> Visitor:
    settings = parts_of(request).settings
    principal: Principal | None = request.scope[PRINCIPAL_KEY]
    if principal is None:
        may_read = settings.anonymous_may_manage
        visitor = Visitor(None, False, False, [], None, may_read, settings.anonymous_links or may_read)
    else:
        visitor = await _of_user(request, session, principal.user_id)
    set_frame(request, visitor)
    return visitor


async def _of_user(request: Request, session: Writer, user_id: int) -> Visitor:
    statement = (
        select(User, Workspace, Member.role)
        .join(Member, Member.user_id == User.id)
        .join(Workspace, Workspace.id == Member.workspace_id)
        .where(User.id == user_id)
        .order_by(Workspace.personal_user_id.is_(None), Workspace.name, Workspace.id)
    )
    async with session.begin():
        rows = (await session.execute(statement)).all()
        unread = await count_unread(session, user_id)
    keep_preferences(request, PreferencesOut.model_validate(rows[0][0].preferences))
    speak_to(request)
    spaces = [_space(space, Role(role)) for _user, space, role in rows]
    asked = request.query_params.get("workspace") or request.cookies.get(_COOKIE)
    shown = next((space for space in spaces if str(space.id) == asked), spaces[0])
    user = rows[0][0]
    return Visitor(
        user.email,
        user.is_admin,
        user.password_hash is not None,
        spaces,
        shown,
        may_read=True,
        may_create=shown.role != Role.VIEWER,
        unread=unread,
    )


def _space(space: Workspace, role: Role) -> Space:
    """A personal workspace has a name in the reader's language, unless somebody gave it another."""
    is_personal = space.personal_user_id is not None
    name = _("Personal") if is_personal and space.name == PERSONAL_NAME else space.name
    return Space(space.id, name, role, is_personal)


def show_workspace(answer: Response, workspace_id: uuid.UUID) -> Response:
    """Show this workspace from now on, in this browser."""
    answer.set_cookie(_COOKIE, str(workspace_id), max_age=YEAR_S, path="/-/", httponly=True, samesite="lax")
    return answer


VisitorDep = Annotated[Visitor, Depends(_visitor)]
