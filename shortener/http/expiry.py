"""When what a client makes is to end."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

from shortener.errors import InvalidField

LAST_YEAR = 9998


class InvalidExpiry(InvalidField):
    type, title = "invalid-expiry", "Invalid expiry"

    def __init__(self, reason: str) -> None:
        super().__init__("/expires_at", reason)


def check_expiry(expires_at: datetime | None) -> None:
    """Raises InvalidExpiry for a time that has passed."""
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise InvalidExpiry("the time has passed")


def _storable(moment: datetime) -> datetime:
    """Raises ValueError for a year that the database cannot hold in every time zone."""
    # The very last moment is infinity to the database, and one with an offset may lie behind it.
    if moment.year > LAST_YEAR:
        raise ValueError(f"the year is later than {LAST_YEAR}")
    return moment


Expiry = Annotated[AwareDatetime, AfterValidator(_storable)]
