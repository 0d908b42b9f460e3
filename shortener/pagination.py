"""Keyset cursors: where a page ended, opaque to the client."""

import base64
import binascii
import uuid
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec

from shortener.errors import BadRequest

# The longest title, of four bytes a sign, in Base64.
MAX_CURSOR = 2000


class InvalidCursor(BadRequest):
    type, title = "invalid-cursor", "Invalid cursor"

    def __init__(self) -> None:
        super().__init__("The cursor is not one of this list. Use a cursor as it was given, with the same sort.")


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Behind (or, `backwards`, before) the row with this key. `sort` keeps a cursor with its own order."""

    sort: str
    values: list[Any]
    backwards: bool = False


class Page(Protocol):
    """`next_cursor` and `previous_cursor` are None where the list ends."""

    @property
    def total(self) -> int: ...
    @property
    def next_cursor(self) -> str | None: ...
    @property
    def previous_cursor(self) -> str | None: ...


def beside_items(path: str, page: Page, **query: Any) -> dict[str, Any]:
    """What an answer has beside the page's items: the total, and the paths of the pages around it. `query` is what it
    was asked with."""
    given = {name: value for name, value in query.items() if value not in {None, ""}}

    def path_at(cursor: str | None) -> str | None:
        return None if cursor is None else f"{path}?{urlencode(given | {'cursor': cursor})}"

    return {"total": page.total, "next": path_at(page.next_cursor), "previous": path_at(page.previous_cursor)}


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
