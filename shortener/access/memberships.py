"""Callers, and the workspaces in which they may write. The statement that does the work checks the role, so a removed
role is gone everywhere at once, and other people's things look like things that do not exist."""

import uuid
from typing import Final, Literal, NamedTuple

import asyncpg

from shortener.access.models import Role
from shortener.errors import Conflict, Forbidden, NotFound


class UnknownWorkspace(NotFound):
    """The workspace does not exist, or you are not a member of it.

    `GET /api/v1/workspaces`
    """

    type, title = "workspace-not-found", "No such workspace"

    def __init__(self) -> None:
        super().__init__("You have no such workspace.")


class InsufficientRole(Forbidden):
    """Your role in the workspace is too low; `detail` names the role that is needed.

    Ask an owner of the workspace.
    """

    type, title = "insufficient-role", "Insufficient role"

    def __init__(self, needed: Role) -> None:
        self.needed = needed
        super().__init__(f"This needs the role {needed} in the workspace.")


class PersonalWorkspace(Conflict):
    """A personal workspace has one member and cannot be deleted; it is deleted with the account.

    Create a workspace for several people.
    """

    type, title = "personal-workspace", "Personal workspace"

    def __init__(self) -> None:
        super().__init__("A personal workspace has one member, and is deleted with the account.")


class Caller(NamedTuple):
    """A user, or (None) an anonymous client or the operator. `has_unowned`: whether they may use links without an
    owner."""

    user_id: int | None
    has_unowned: bool
    is_operator: bool = False

    @property
    def is_anonymous(self) -> bool:
        return self.user_id is None and not self.is_operator


OPERATOR = Caller(None, has_unowned=False, is_operator=True)

# Takes the place of a workspace id, and means all links without an owner.
ANONYMOUS: Final = "anonymous"
WorkspaceRef = uuid.UUID | Literal["anonymous"]

# $1 is a user or null, $2 one of their workspaces, or null for the personal one. `writable` has one row if the user may
# create links there. The lock blocks only the deletion of the workspace.
PLACE_SQL = """
    WITH place AS (
        SELECT workspace_id, role FROM workspace_members
        WHERE user_id = $1::bigint
            AND workspace_id = coalesce($2::uuid, (SELECT id FROM workspaces WHERE personal_user_id = $1::bigint))
        FOR KEY SHARE
    ), writable AS (
        SELECT workspace_id FROM place WHERE role <> 'viewer'
        UNION ALL SELECT NULL WHERE $1::bigint IS NULL AND $2::uuid IS NULL
    )
"""


def check_writable(caller: Caller, workspace: uuid.UUID | None, role: str | None) -> None:
    """Check that this role allows writing. Raises UnknownWorkspace, InsufficientRole."""
    if caller.user_id is None and workspace is None:
        return
    if role is None:
        raise UnknownWorkspace
    if role == Role.VIEWER:
        raise InsufficientRole(Role.EDITOR)


_PLACE = f"{PLACE_SQL} SELECT (SELECT role FROM place) AS role, (SELECT workspace_id FROM writable) AS workspace_id"  # noqa: S608


async def writable(connection: asyncpg.Connection, caller: Caller, place: WorkspaceRef | None) -> uuid.UUID | None:
    """As `readable`, where the caller may also change things. Raises UnknownWorkspace, InsufficientRole."""
    if place == ANONYMOUS or caller.user_id is None:
        return await readable(connection, caller, place)
    row = await connection.fetchrow(_PLACE, caller.user_id, place)
    check_writable(caller, place, row["role"])
    workspace_id: uuid.UUID = row["workspace_id"]
    return workspace_id


async def readable(connection: asyncpg.Connection, caller: Caller, place: WorkspaceRef | None) -> uuid.UUID | None:
    """The workspace that `place` means; None for links without an owner. Raises UnknownWorkspace."""
    if place == ANONYMOUS or (place is None and caller.user_id is None):
        if not (caller.has_unowned or caller.is_operator):
            raise UnknownWorkspace
        return None
    if caller.is_operator:
        workspace_id: uuid.UUID | None = await connection.fetchval("SELECT id FROM workspaces WHERE id = $1", place)
    else:
        workspace_id = await connection.fetchval(
            "SELECT workspace_id FROM workspace_members WHERE user_id = $1::bigint "
            "AND workspace_id = coalesce($2::uuid, (SELECT id FROM workspaces WHERE personal_user_id = $1::bigint))",
            caller.user_id,
            place,
        )
    if workspace_id is None:
        raise UnknownWorkspace
    return workspace_id
