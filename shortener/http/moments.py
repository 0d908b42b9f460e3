"""Dates, moments and time zones in requests, and the beginnings of local days."""

import re
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

# Years that both PostgreSQL and Python can represent.
MIN_YEAR, MAX_YEAR = 1970, 2999


def _date_or_datetime(value: Any) -> Any:
    """A string of digits is not a date: pydantic would read it as seconds since 1970."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return date.fromisoformat(value)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d[T ][-+\d:., Z]+", value):
        raise ValueError("use a date (2026-11-21) or a moment (2026-11-21T09:30:00Z)")
    # In a query string the + of an offset reads as a space.
    moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", value))
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone, such as Z or +02:00")
    return moment


def _in_range(value: date) -> date:
    if not MIN_YEAR <= value.year <= MAX_YEAR:
        raise ValueError(f"the year is not within {MIN_YEAR} to {MAX_YEAR}")
    return value


Moment = Annotated[
    date | datetime,
    BeforeValidator(_date_or_datetime),
    AfterValidator(_in_range),
    Field(examples=["2026-11-21", "2026-11-21T09:30:00Z"]),
]


@cache
def time_zones() -> frozenset[str]:
    """Their names. To list them takes milliseconds, since they are files."""
    return frozenset(available_timezones())


def known_zone(name: str) -> str:
    """Raises ValueError."""
    if name not in time_zones():
        raise ValueError("not a time zone; use a form such as Europe/Berlin")
    return name


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a local day, in UTC; where midnight is skipped, the moment that follows the gap."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
