"""Reads the audit log page by page, and deletes old entries."""

from datetime import datetime
from typing import NamedTuple

import asyncpg
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.audit.models import AuditEntry
from shortener.http.pagination import Key, Page, read_page

_KEYS: list[Key] = [(AuditEntry.at.expression, datetime), (AuditEntry.id.expression, int)]
_DELETED_AT_ONCE = 1000

_DELETE = """
    DELETE FROM audit_log WHERE id IN (
      SELECT id FROM audit_log WHERE at < now() - make_interval(days => $1) ORDER BY at, id LIMIT $2
    )
"""


class AuditFilter(NamedTuple):
    """Conditions on entries; None matches any. `until` is exclusive."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def list_entries(session: AsyncSession, asked: AuditFilter, limit: int, cursor: str | None) -> Page:
    """Rows of the entry, newest first. Raises InvalidCursor."""
    statement = select(AuditEntry)
    for column, value in (
        (AuditEntry.actor, asked.actor),
        (AuditEntry.action, asked.action),
        (AuditEntry.target, asked.target),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if asked.since is not None:
        statement = statement.where(AuditEntry.at >= asked.since)
    if asked.until is not None:
        statement = statement.where(AuditEntry.at < asked.until)
    return await read_page(session, statement, _KEYS, descending=True, name="audit", limit=limit, cursor=cursor)


async def forget_entries(connection: asyncpg.Connection, days: int) -> int:
    """Delete older entries in short transactions; returns their number. The table's trigger gets the limit, and refuses
    to delete younger ones."""
    deleted = 0
    while True:
        async with connection.transaction():
            await connection.execute("SELECT set_config('shortener.audit_days', $1, true)", str(days))
            status = await connection.execute(_DELETE, days, _DELETED_AT_ONCE)
        count = int(status.split()[-1])
        deleted += count
        if count < _DELETED_AT_ONCE:
            return deleted
