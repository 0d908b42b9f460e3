"""When what a client makes is to end."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from shortener.errors import InvalidField

LAST_YEAR = 9998


class InvalidExpiry(InvalidField):
    """`expires_at` is in the past, or later than a link without a login or key may live.

    Use a time in the future, or an earlier one.
    """

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


def _text(value: Any) -> Any:
    """Raises ValueError for a number, which pydantic would read as seconds since 1970."""
    if isinstance(value, (int, float)):
        raise ValueError("use a moment such as 2026-11-21T09:30:00Z")  # noqa: TRY004
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_text), AfterValidator(_storable)]
Expiry = Moment
