"""Pages of what has ids, the newest first."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from shortener.pagination import Cursor, decode_cursor, encode_cursor

# Counting more would take longer than the page itself.
MAX_TOTAL = 100_000


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
    place = None if cursor is None else decode_cursor(cursor, name, (int,))
    backwards = place is not None and place.backwards
    column: ColumnElement[int] = key.expression
    total = await session.scalar(
        select(func.count()).select_from(statement.with_only_columns(key).limit(MAX_TOTAL).subquery())
    )
    if place is not None:
        statement = statement.where(column > place.values[0] if backwards else column < place.values[0])
    statement = statement.add_columns(column.label("page_id")).order_by(column.asc() if backwards else column.desc())
    rows = list((await session.execute(statement.limit(limit + 1))).all())
    more = len(rows) > limit
    rows = rows[:limit]
    if backwards:
        rows.reverse()

    def cursor_at(row: Any, backwards: bool) -> str:
        return encode_cursor(Cursor(name, [row.page_id], backwards))

    has_next = bool(rows) and (more or backwards)
    has_previous = bool(rows) and place is not None and (more or not backwards)
    return Page(
        rows,
        total or 0,
        cursor_at(rows[-1], False) if has_next else None,
        cursor_at(rows[0], True) if has_previous else None,
    )
