"""Lists of links: keyset pages in either direction over any of the orders."""

import re
import uuid
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, Text, func, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.clicks.models import ClickTotal
from shortener.links.models import SEARCHED_SQL, Link
from shortener.pagination import Cursor, decode_cursor, encode_cursor

# Counting more would take longer than the page itself.
MAX_TOTAL = 100_000

_CLICKS = func.coalesce(ClickTotal.clicks, 0)


class Sort(StrEnum):
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    CODE = "code"
    TITLE = "title"
    CLICKS = "clicks"


class Order(StrEnum):
    ASC = "asc"
    DESC = "desc"


_KEYS: dict[Sort, tuple[ColumnElement[Any], type]] = {
    Sort.CREATED_AT: (Link.created_at.expression, datetime),
    Sort.UPDATED_AT: (Link.updated_at.expression, datetime),
    Sort.CODE: (Link.code.expression, str),
    Sort.TITLE: (func.coalesce(Link.title, "").collate("C"), str),
    Sort.CLICKS: (_CLICKS, int),
}


class Everywhere(Enum):
    """In place of a workspace: all of them, for admins."""

    EVERYWHERE = "everywhere"


EVERYWHERE: Final = Everywhere.EVERYWHERE
Where = uuid.UUID | Everywhere | None


class Page(NamedTuple):
    """`next_cursor` and `previous_cursor` are None where the list ends."""

    items: list[tuple[Link, int]]
    total: int
    next_cursor: str | None
    previous_cursor: str | None


def _matching(workspace: Where, q: str | None) -> Select[Link, int]:
    statement = (
        select(Link, _CLICKS).outerjoin(ClickTotal, ClickTotal.link_id == Link.id).where(Link.deleted_at.is_(None))
    )
    if workspace is not EVERYWHERE:
        statement = statement.where(Link.workspace_id == workspace)
    if q:
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", q) + "%"
        statement = statement.where(literal_column(SEARCHED_SQL, Text).ilike(pattern))
    return statement


async def list_links(
    session: AsyncSession,
    workspace: Where,
    *,
    q: str | None,
    sort: Sort,
    order: Order,
    limit: int,
    cursor: str | None,
) -> Page:
    """One page of the links of a workspace, of those without owner (None), or of all. Raises InvalidCursor."""
    name = f"{sort}:{order}" if workspace is None else f"{sort}:{order}:{workspace}"
    key, key_type = _KEYS[sort]
    if workspace is EVERYWHERE and sort is Sort.CREATED_AT:
        # The index of times is each workspace's own; ids ascend with time.
        key, key_type = Link.id.expression, int
    place = None if cursor is None else decode_cursor(cursor, name, (key_type, int))
    backwards = place is not None and place.backwards
    descending = (order is Order.DESC) != backwards

    statement = _matching(workspace, q)
    total = await session.scalar(
        select(func.count()).select_from(statement.with_only_columns(Link.id).limit(MAX_TOTAL).subquery())
    )
    if place is not None:
        row, here = tuple_(key, Link.id), tuple_(*place.values)
        statement = statement.where(row < here if descending else row > here)
    # The workspace, though it is but one: where it is null the database does not see that its index has this order.
    keys = (
        (Link.workspace_id, key, Link.id) if sort is Sort.CREATED_AT and workspace is not EVERYWHERE else (key, Link.id)
    )
    ordered = [by.desc() if descending else by.asc() for by in keys]
    statement = statement.add_columns(key.label("sort_key")).order_by(*ordered).limit(limit + 1)
    rows = list((await session.execute(statement)).all())

    more = len(rows) > limit
    rows = rows[:limit]
    if backwards:
        rows.reverse()

    def cursor_at(row: Any, backwards: bool) -> str:
        return encode_cursor(Cursor(name, [row.sort_key, row[0].id], backwards))

    has_next = bool(rows) and (more or backwards)
    has_previous = bool(rows) and place is not None and (more or not backwards)
    return Page(
        items=[(row[0], row[1]) for row in rows],
        total=total or 0,
        next_cursor=cursor_at(rows[-1], False) if has_next else None,
        previous_cursor=cursor_at(rows[0], True) if has_previous else None,
    )
