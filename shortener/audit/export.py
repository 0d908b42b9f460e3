"""The audit log as a file."""

from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.audit.listing import AuditFilter, list_entries
from shortener.audit.models import AuditEntry
from shortener.http.csv_lines import CSV, csv_line
from shortener.http.downloads import download, page_by_page
from shortener.http.pagination import Page
from shortener.http.streams import Stream
from shortener.stores.database import Database

_COLUMNS = ("at", "actor", "action", "target", "means", "client", "details")
_ROWS_A_READ = 250


async def audit_file(database: Database, asked: AuditFilter) -> Stream:
    """All entries for which the filter holds, newest first."""

    async def read(session: AsyncSession, cursor: str | None) -> Page:
        return await list_entries(session, asked, _ROWS_A_READ, cursor)

    pieces = page_by_page(database, read, lambda row: csv_line(_cells(row[0])), csv_line(_COLUMNS))
    return await download(pieces, CSV, "audit.csv")


def _cells(entry: AuditEntry) -> list[Any]:
    cells = [getattr(entry, name) for name in _COLUMNS[1:-1]]
    return [entry.at.isoformat(), *cells, orjson.dumps(entry.details).decode()]
