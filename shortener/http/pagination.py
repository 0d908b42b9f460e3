"""Pages of lists, and keyset cursors: where a page ended, opaque to the client."""

import base64
import binascii
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from fastapi import Query, Request
from pydantic import Field
from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from shortener.errors import BadRequest

# The longest title, of four bytes a sign, in Base64.
MAX_CURSOR = 2000
# Counting more would take longer than the page itself.
MAX_TOTAL = 100_000


class InvalidCursor(BadRequest):
    type, title = "invalid-cursor", "Invalid cursor"

    def __init__(self) -> None:
        super().__init__("The cursor is not one of this list. Use a cursor as it was given, with the same sort.")


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Behind (or, `backwards`, before) the row with this key. `sort` keeps a cursor with its own order."""

    sort: str
    values: list[Any]
    backwards: bool = False


# A column by which a list is ordered, and what its values are in Python.
Key = tuple[ColumnElement[Any], type]


class Page(NamedTuple):
    """Each row has its keys behind what was selected. The cursors are None where the list ends; `total` is None where
    it was not asked for."""

    rows: list[Any]
    next_cursor: str | None
    previous_cursor: str | None
    total: int | None


# What lists are asked with, and what they answer beside their items.
Limit = Annotated[int, Query(ge=1, le=100)]
PageCursor = Annotated[str | None, Query(max_length=MAX_CURSOR)]
Search = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]
NextPath = Annotated[str | None, Field(description="Path of the next page.")]
PreviousPath = Annotated[str | None, Field(description="Path of the previous page.")]


def like_pattern(q: str) -> str:
    """For LIKE, of all that contains this text."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", q) + "%"


def path_at(request: Request, cursor: str | None) -> str | None:
    """The path of this list from the cursor on, asked for with all else that it was asked with."""
    return None if cursor is None else f"{request.url.path}?{urlencode({**request.query_params, 'cursor': cursor})}"


def beside_items(request: Request, page: Page) -> dict[str, Any]:
    """What an answer has beside the page's items: the total, and the paths of the pages around it."""
    return {
        "total": page.total,
        "next": path_at(request, page.next_cursor),
        "previous": path_at(request, page.previous_cursor),
    }


async def read_page(
    session: AsyncSession,
    statement: Select[*tuple[Any, ...]],
    keys: Sequence[Key],
    *,
    descending: bool,
    name: str,
    limit: int,
    cursor: str | None,
    is_counted: bool = False,
    within: ColumnElement[Any] | None = None,
) -> Page:
    """One page of the statement's rows in the order of `keys`, which no two rows share. `name` keeps cursors with their
    list; `is_counted` asks for the total as well; `within` is the same in all rows, and stands before the keys in their
    index. Raises InvalidCursor."""
    columns = [column for column, _ in keys]
    place = None if cursor is None else decode_cursor(cursor, name, tuple(type_ for _, type_ in keys))
    total = await _count(session, statement, columns[-1]) if is_counted else None
    backwards = place is not None and place.backwards
    down = descending != backwards
    if place is not None:
        row, here = tuple_(*columns), tuple_(*place.values)
        statement = statement.where(row < here if down else row > here)
    ordered = columns if within is None else [within, *columns]
    statement = statement.order_by(*(column.desc() if down else column.asc() for column in ordered))
    statement = statement.add_columns(*(column.label(f"key_{n}") for n, column in enumerate(columns)))
    rows = list((await session.execute(statement.limit(limit + 1))).all())
    more = len(rows) > limit
    rows = rows[:limit]
    if backwards:
        rows.reverse()

    def cursor_at(row: Any, backwards: bool) -> str:
        return encode_cursor(Cursor(name, list(row[-len(keys) :]), backwards))

    has_next = bool(rows) and (more or backwards)
    has_previous = bool(rows) and place is not None and (more or not backwards)
    return Page(
        rows,
        cursor_at(rows[-1], False) if has_next else None,
        cursor_at(rows[0], True) if has_previous else None,
        total,
    )


async def read_newest(
    session: AsyncSession,
    statement: Select[*tuple[Any, ...]],
    id_: InstrumentedAttribute[int],
    *,
    name: str,
    limit: int,
    cursor: str | None,
) -> Page:
    """One page of the statement's rows by their ids, the newest first, and the total. Raises InvalidCursor."""
    keys: list[Key] = [(id_.expression, int)]
    return await read_page(
        session, statement, keys, descending=True, name=name, limit=limit, cursor=cursor, is_counted=True
    )


async def _count(session: AsyncSession, statement: Select[*tuple[Any, ...]], key: ColumnElement[Any]) -> int:
    """How many rows the statement has, or MAX_TOTAL."""
    counted = select(func.count()).select_from(statement.with_only_columns(key).limit(MAX_TOTAL).subquery())
    return await session.scalar(counted) or 0


def encode_cursor(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).rstrip(b"=").decode()


def decode_cursor(text: str, sort: str, types: tuple[type, ...]) -> Cursor:
    """Raises InvalidCursor for anything that `encode_cursor` has not made for this sort."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        cursor = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=Cursor)
        values = msgspec.convert(cursor.values, type=tuple.__class_getitem__(types))
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError):
        raise InvalidCursor from None
    if cursor.sort != sort or not all(map(_is_storable, values)):
        raise InvalidCursor
    return Cursor(sort, list(values), cursor.backwards)


def _is_storable(value: Any) -> bool:
    """Whether the database can hold it, and so can have given it."""
    if isinstance(value, int):
        return abs(value) < 2**63
    if isinstance(value, datetime):
        return value.tzinfo is UTC
    if isinstance(value, uuid.UUID):
        return True
    return "\x00" not in value
