"""Links that have changed, as listeners hear of them."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from cachebox import LRUCache

from shortener.links.answers import link_name

_MAX_KNOWN = 20_000
_COLUMNS = "id, code, workspace_id, created_at, updated_at, deleted_at"
# Codes are also reported when the link itself did not change, such as those of new aliases.
_OF_CODES = f"""
    SELECT {_COLUMNS} FROM links
    WHERE id IN (SELECT coalesce(alias_of, id) FROM links WHERE code = ANY($1::text[])) AND alias_of IS NULL
        AND updated_at > now() - interval '1 minute'
"""  # noqa: S608  (made of constants)
# What changed while no report arrived. An index finds them.
_SINCE = f"""
    SELECT {_COLUMNS} FROM links
    WHERE updated_at > $1 AND (id = ANY($2::bigint[]) OR workspace_id = ANY($3::uuid[])) AND alias_of IS NULL
    ORDER BY updated_at LIMIT $4
"""  # noqa: S608
MAX_SINCE = 1000


class Change(NamedTuple):
    link_id: int
    workspace_id: uuid.UUID | None
    type: str
    data: dict[str, Any]
    at: datetime


class Changes:
    """Reads links, and knows which version was announced: a change is reported more than once."""

    def __init__(self) -> None:
        self._known: LRUCache[int, tuple[datetime, datetime | None]] = LRUCache(_MAX_KNOWN)

    async def of_codes(self, connection: asyncpg.Connection, codes: Collection[str]) -> list[Change]:
        return self._new(await connection.fetch(_OF_CODES, list(codes)))

    async def since(
        self, connection: asyncpg.Connection, moment: datetime, links: list[int], workspaces: list[uuid.UUID]
    ) -> list[Change]:
        return self._new(await connection.fetch(_SINCE, moment, links, workspaces, MAX_SINCE))

    def _new(self, rows: list[asyncpg.Record]) -> list[Change]:
        found = []
        for row in rows:
            version = row["updated_at"], row["deleted_at"]
            if self._known.get(row["id"]) != version:
                self._known[row["id"]] = version
                found.append(_change(row))
        return found


def _change(row: asyncpg.Record) -> Change:
    type_ = "link.changed" if row["updated_at"] > row["created_at"] else "link.created"
    if row["deleted_at"] is not None:
        type_ = "link.deleted"
    return Change(
        row["id"], row["workspace_id"], type_, link_name(row["id"], row["code"], row["workspace_id"]), row["updated_at"]
    )
