"""Pages of what has ids, the newest first."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from shortener.pagination import count, read_page


class Page(NamedTuple):
    """`next_cursor` and `previous_cursor` are None where the list ends."""

    rows: Sequence[Any]
    total: int
    next_cursor: str | None
    previous_cursor: str | None


async def page_by_id(
    session: AsyncSession,
    statement: Select[*tuple[Any, ...]],
    key: InstrumentedAttribute[int],
    *,
    name: str,
    limit: int,
    cursor: str | None,
) -> Page:
    """One page of the statement's rows, of which `key` is the id. `name` keeps cursors with their list.
    Raises InvalidCursor."""
    column: ColumnElement[int] = key.expression
    total = await count(session, statement, column)
    page = await read_page(session, statement, [(column, int)], descending=True, name=name, limit=limit, cursor=cursor)
    return Page(page.rows, total, page.next_cursor, page.previous_cursor)
