"""Pages of lists, with keyset cursors that are opaque to the client."""

import base64
import binascii
import re
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from pydantic import Field
from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from starlette.requests import Request

from shortener.errors import BadRequest, Unprocessable
from shortener.http.order import Order as Order
from shortener.http.problems import invalid_request

# The longest title, with four bytes per character, in Base64.
MAX_CURSOR = 2000
# Counting more would take longer than the page itself.
MAX_TOTAL = 100_000
# The rows before a page with a number are read, too.
MAX_NUMBERED = 10_000
_NUMBERED = f"`page` times `page_size` is at most {MAX_NUMBERED:,}"


class InvalidCursor(BadRequest):
    """The cursor does not belong to this list, or was given with another `sort`.

    Use `next` and `previous` as they were given, or start again without a cursor.
    """

    type, title = "invalid-cursor", "Invalid cursor"

    def __init__(self) -> None:
        super().__init__("This cursor does not belong to this list. Use cursors unchanged, with the same sort.")


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """A position after (with `backwards`: before) the row with this key. `sort` ties the cursor to its order."""

    sort: str
    values: list[Any]
    backwards: bool = False


# A column by which a list is ordered, and the Python type of its values.
Key = tuple[ColumnElement[Any], type]


class Page(NamedTuple):
    """Each row has its keys after the selected columns. A cursor is None at the end of the list; `total` is None unless
    requested, and a lower bound unless it is exact."""

    rows: list[Any]
    next_cursor: str | None
    previous_cursor: str | None
    total: int | None
    is_total_exact: bool = True


# Parameters of lists, and the members of their answers besides the items.
Limit = Annotated[int, Field(ge=1, le=100)]
PageCursor = Annotated[str | None, Field(max_length=MAX_CURSOR)]
Search = Annotated[str | None, Field(max_length=200, pattern=r"^[^\x00]*$")]
NextPath = Annotated[str | None, Field(description="Path of the next page.")]
PreviousPath = Annotated[str | None, Field(description="Path of the previous page.")]


class AskedPage(NamedTuple):
    """A page by its cursor, or by its `number` from 1 on."""

    limit: int
    cursor: str | None
    number: int | None

    @property
    def offset(self) -> int:
        return 0 if self.number is None else (self.number - 1) * self.limit


async def asked_page(
    limit: Limit = 20,
    cursor: PageCursor = None,
    page: Annotated[
        int | None, Field(ge=1, le=MAX_NUMBERED, description=f"From 1 on; {_NUMBERED}. Instead of `cursor`.")
    ] = None,
    page_size: Annotated[int | None, Field(ge=1, le=100, description="Another name of `limit`.")] = None,
) -> AskedPage:
    """A dependency of lists whose pages have numbers as well. Raises Unprocessable."""
    size, number = page_size or limit, page or (1 if page_size and cursor is None else None)
    if cursor is not None and (page is not None or page_size is not None):
        raise _refused("page" if page is not None else "page_size", "a list takes a cursor or a page, not both")
    if number is not None and number * size > MAX_NUMBERED:
        raise _refused("page", f"{_NUMBERED}; use `next`, or a filter")
    return AskedPage(size, cursor, number)


def _refused(field: str, message: str) -> Unprocessable:
    return invalid_request([{"type": "value_error", "loc": ("query", field), "msg": message}])


def like_pattern(q: str) -> str:
    """A LIKE pattern for all texts that contain this one."""
    return f"%{escape_like(q)}%"


def escape_like(text: str) -> str:
    """The text in a LIKE pattern."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def path_at(request: Request, value: str | int | None, name: str = "cursor") -> str | None:
    """The path of this list with this value, and with the request's other parameters; None without a value."""
    others = [(other, text) for other, text in request.query_params.multi_items() if other != name]
    return None if value is None else f"{request.url.path}?{urlencode([*others, (name, value)])}"


def beside_items(request: Request, page: Page, asked: AskedPage | None = None) -> dict[str, Any]:
    """The members of an answer besides the items: the total, and the paths of the neighbouring pages."""
    if asked is not None and asked.number is not None:
        has_next = page.next_cursor is not None and (asked.number + 1) * asked.limit <= MAX_NUMBERED
        return {
            "total": page.total,
            "next": path_at(request, asked.number + 1 if has_next else None, "page"),
            "previous": path_at(request, asked.number - 1 or None, "page"),
        }
    return {
        "total": page.total,
        "next": path_at(request, page.next_cursor),
        "previous": path_at(request, page.previous_cursor),
    }


class Reading(NamedTuple):
    """How one page of a list is read: behind a place or from the list's start, with its keys going down or up."""

    name: str
    keys: Sequence[Key]
    limit: int
    place: Cursor | None
    down: bool

    @classmethod
    def of(cls, name: str, keys: Sequence[Key], *, descending: bool, limit: int, cursor: str | None) -> "Reading":
        """`name` keeps cursors with their list. Raises InvalidCursor."""
        place = None if cursor is None else decode_cursor(cursor, name, tuple(type_ for _, type_ in keys))
        return cls(name, keys, limit, place, descending != (place is not None and place.backwards))

    @property
    def is_backwards(self) -> bool:
        return self.place is not None and self.place.backwards

    def behind(self, columns: Sequence[ColumnElement[Any]]) -> list[ColumnElement[bool]]:
        """What holds behind the place, of the columns with the keys."""
        if self.place is None:
            return []
        row, here = tuple_(*columns), tuple_(*self.place.values)
        return [row < here if self.down else row > here]

    def by(self, columns: Iterable[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
        return ordered(columns, down=self.down)

    def page(self, rows: list[Any], total: int | None, *, is_total_exact: bool = True) -> Page:
        """The page of these rows, which end with their keys. One more than its limit shows that there are more."""
        more, rows = len(rows) > self.limit, rows[: self.limit]
        if self.is_backwards:
            rows.reverse()
        has_next = bool(rows) and (more or self.is_backwards)
        has_previous = bool(rows) and self.place is not None and (more or not self.is_backwards)
        return Page(
            rows,
            self._cursor_at(rows[-1], backwards=False) if has_next else None,
            self._cursor_at(rows[0], backwards=True) if has_previous else None,
            total,
            is_total_exact,
        )

    def _cursor_at(self, row: Any, *, backwards: bool) -> str:
        return encode_cursor(Cursor(self.name, list(row[-len(self.keys) :]), backwards))


def ordered(columns: Iterable[ColumnElement[Any]], *, down: bool) -> list[ColumnElement[Any]]:
    return [column.desc() if down else column.asc() for column in columns]


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
    offset: int = 0,
) -> Page:
    """One page of the statement's rows in the order of `keys`, which no two rows share. `name` keeps cursors with their
    list; `is_counted` requests the total as well; `within` is equal in all rows, and precedes the keys in their index;
    `offset` rows are left out in front.
    Raises InvalidCursor."""
    reading = Reading.of(name, keys, descending=descending, limit=limit, cursor=cursor)
    columns = [column for column, _ in keys]
    total = await count_rows(session, statement, columns[-1]) if is_counted else None
    statement = statement.where(*reading.behind(columns))
    statement = statement.order_by(*reading.by(columns if within is None else [within, *columns]))
    statement = statement.add_columns(*(column.label(f"key_{n}") for n, column in enumerate(columns)))
    rows = (await session.execute(statement.limit(limit + 1).offset(offset or None))).all()
    return reading.page(list(rows), total)


async def read_newest(
    session: AsyncSession,
    statement: Select[*tuple[Any, ...]],
    id_: InstrumentedAttribute[int],
    *,
    name: str,
    limit: int,
    cursor: str | None,
) -> Page:
    """One page of the statement's rows by their ids, newest first, and the total. Raises InvalidCursor."""
    keys: list[Key] = [(id_.expression, int)]
    return await read_page(
        session, statement, keys, descending=True, name=name, limit=limit, cursor=cursor, is_counted=True
    )


async def count_rows(session: AsyncSession, statement: Select[*tuple[Any, ...]], key: ColumnElement[Any]) -> int:
    """The number of the statement's rows, at most MAX_TOTAL."""
    counted = select(func.count()).select_from(statement.with_only_columns(key).limit(MAX_TOTAL).subquery())
    return await session.scalar(counted) or 0


def encode_cursor(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).rstrip(b"=").decode()


def decode_cursor(text: str, sort: str, types: tuple[type, ...]) -> Cursor:
    """Raises InvalidCursor unless `encode_cursor` made this cursor for this sort."""
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
    """Whether the database can hold this value; otherwise it cannot come from a cursor of this service."""
    if isinstance(value, int):
        return abs(value) < 2**63
    if isinstance(value, datetime):
        return value.tzinfo is UTC
    if isinstance(value, uuid.UUID):
        return True
    return "\x00" not in value
