"""Messages as listeners get them. Pure."""

from datetime import UTC, datetime
from typing import Any

import orjson

HEARTBEAT = b": \n\n"
# Browsers wait for this long, in milliseconds, before they connect again.
RETRY = b"retry: 2000\n\n"


class Message:
    """One message for any number of listeners, which is written once. `id` is the number of the newest row of history
    that a listener has by then; messages that are not history have a serial number behind it."""

    __slots__ = ("id", "is_row", "json", "number")

    def __init__(self, number: int, serial: int | None, type_: str, data: Any, at: datetime | None = None) -> None:
        """A row of history has no serial number."""
        id_ = str(number) if serial is None else f"{number}-{serial}"
        self.is_row = serial is None
        self.id = id_
        self.number = number
        moment = at or datetime.now(UTC)
        self.json = orjson.dumps({"id": id_, "type": type_, "at": moment, "data": data}, str, orjson.OPT_UTC_Z)

    def is_row_until(self, number: int) -> bool:
        return self.is_row and self.number <= number

    @property
    def event(self) -> bytes:
        """As a server-sent event."""
        return b"id: %b\ndata: %b\n\n" % (self.id.encode(), self.json)


def number_in(id_: str) -> int | None:
    """The number of history in a message's id; None if it is not one."""
    number, dash, serial = id_.partition("-")
    is_id = number.isascii() and number.isdecimal() and len(number) < 19 and (not dash or serial.isdecimal())
    return int(number) if is_id else None
