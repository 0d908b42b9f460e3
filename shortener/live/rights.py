"""What listeners may hear of: asked of the database, when they come and again after each change."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import asyncpg

from shortener.live.channels import Channel
from shortener.live.listener import Listener

_LINKS = "SELECT id, workspace_id FROM links WHERE id = ANY($1::bigint[]) AND deleted_at IS NULL"
_MEMBERS = """
    SELECT user_id, workspace_id FROM workspace_members
    WHERE user_id = ANY($1::bigint[]) AND workspace_id = ANY($2::uuid[])
"""
_LIVE = """
    SELECT {table}.id FROM {table} JOIN users ON users.id = {table}.user_id
    WHERE {table}.id = ANY($1::uuid[]) AND {table}.revoked_at IS NULL AND NOT users.is_disabled
        AND ({table}.expires_at IS NULL OR {table}.expires_at > now())
"""


class Rights(NamedTuple):
    """The workspaces of links, the memberships, and the sessions and keys that are still good."""

    workspaces: dict[int, uuid.UUID | None]
    members: set[tuple[int, uuid.UUID]]
    means: set[uuid.UUID]

    def is_known(self, listener: Listener) -> bool:
        """Whether the listener's credential is good."""
        principal = listener.principal
        return principal is None or (principal.session_id or principal.key_id) in self.means

    def may_hear(self, listener: Listener, channel: Channel) -> bool:
        user_id, subject = listener.caller.user_id, channel.subject
        if channel.kind == "user":
            return subject == user_id
        if isinstance(subject, int):
            if subject not in self.workspaces:
                return False
            workspace_id = self.workspaces[subject]
            if workspace_id is None:
                return listener.caller.has_unowned
            subject = workspace_id
        return user_id is not None and (user_id, subject) in self.members


async def read_rights(connection: asyncpg.Connection, listeners: Sequence[Listener]) -> Rights:
    """All that is needed to judge these listeners and their channels."""
    channels = {channel for listener in listeners for channel in listener.channels}
    links = [channel.subject for channel in channels if channel.kind == "link"]
    workspaces = {row["id"]: row["workspace_id"] for row in await connection.fetch(_LINKS, links)} if links else {}
    spaces = {channel.subject for channel in channels if channel.kind == "workspace"}
    spaces |= {space for space in workspaces.values() if space is not None}
    users = {listener.caller.user_id for listener in listeners if listener.caller.user_id is not None}
    rows = await connection.fetch(_MEMBERS, list(users), list(spaces)) if users and spaces else []
    return Rights(
        workspaces, {(row["user_id"], row["workspace_id"]) for row in rows}, await _means(connection, listeners)
    )


async def _means(connection: asyncpg.Connection, listeners: Iterable[Listener]) -> set[uuid.UUID]:
    principals = [listener.principal for listener in listeners if listener.principal is not None]
    found: set[Any] = set()
    for table, ids in (
        ("sessions", {principal.session_id for principal in principals} - {None}),
        ("api_keys", {principal.key_id for principal in principals} - {None}),
    ):
        if ids:
            found.update(row["id"] for row in await connection.fetch(_LIVE.format(table=table), list(ids)))
    return found
