"""Who asks for links, and in which workspace they may write. The database is asked in the statement that does the work:
a role that is taken away is gone everywhere at once, and what is somebody else's is never seen to exist."""

import uuid
from typing import Final, Literal, NamedTuple

import asyncpg

from shortener.access.models import Role
from shortener.errors import Conflict, Forbidden, NotFound


class UnknownWorkspace(NotFound):
    """Also for one that the user is no member of."""

    type, title = "workspace-not-found", "No such workspace"

    def __init__(self) -> None:
        super().__init__("You have no such workspace.")


class InsufficientRole(Forbidden):
    type, title = "insufficient-role", "Insufficient role"

    def __init__(self, needed: Role) -> None:
        super().__init__(f"This needs the role {needed} in the workspace.")


class PersonalWorkspace(Conflict):
    type, title = "personal-workspace", "Personal workspace"

    def __init__(self) -> None:
        super().__init__("A personal workspace has one member, and is deleted with the account.")


class Asker(NamedTuple):
    """A user, or (None) somebody unknown, or who runs the service. `has_unowned`: whether links without owner are
    theirs to use."""

    user_id: int | None
    has_unowned: bool
    is_operator: bool = False

    @property
    def is_anonymous(self) -> bool:
        return self.user_id is None and not self.is_operator


OPERATOR = Asker(None, has_unowned=False, is_operator=True)

# What stands for all links without owner where a workspace is asked for.
ANONYMOUS: Final = "anonymous"
Place = uuid.UUID | Literal["anonymous"]

# $1 is a user or null, $2 one of their workspaces or null, which is the personal one. `writable` has one row where the
# user may create links. The lock lets the workspace's deletion wait, and nothing else.
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


def check_writable(asker: Asker, workspace: uuid.UUID | None, role: str | None) -> None:
    """Whether who has this role there may write. Raises UnknownWorkspace, InsufficientRole."""
    if asker.user_id is None and workspace is None:
        return
    if role is None:
        raise UnknownWorkspace
    if role == Role.VIEWER:
        raise InsufficientRole(Role.EDITOR)


async def readable(connection: asyncpg.Connection, asker: Asker, place: Place | None) -> uuid.UUID | None:
    """The workspace that is meant, None for links without owner. Raises UnknownWorkspace."""
    if place == ANONYMOUS or (place is None and asker.user_id is None):
        if not asker.has_unowned:
            raise UnknownWorkspace
        return None
    workspace_id: uuid.UUID | None = await connection.fetchval(
        "SELECT workspace_id FROM workspace_members WHERE user_id = $1::bigint "
        "AND workspace_id = coalesce($2::uuid, (SELECT id FROM workspaces WHERE personal_user_id = $1::bigint))",
        asker.user_id,
        place,
    )
    if workspace_id is None:
        raise UnknownWorkspace
    return workspace_id
