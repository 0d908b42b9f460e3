"""Dates and moments in queries, and where a local day begins."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

# Where PostgreSQL's and Python's time both end safely.
MIN_YEAR, MAX_YEAR = 1970, 2999


def _date_or_datetime(value: Any) -> Any:
    """A string of digits is no date here: pydantic would read it as seconds since 1970."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return date.fromisoformat(value)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d[T ][-+\d:., Z]+", value):
        raise ValueError("use a date (2026-11-21) or a moment (2026-11-21T09:30:00Z)")
    # In a query string the + of an offset reads as a blank.
    moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", value))
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone, such as Z or +02:00")
    return moment


def _in_range(value: date) -> date:
    if not MIN_YEAR <= value.year <= MAX_YEAR:
        raise ValueError(f"the year lies outside of {MIN_YEAR} to {MAX_YEAR}")
    return value


Moment = Annotated[
    date | datetime,
    BeforeValidator(_date_or_datetime),
    AfterValidator(_in_range),
    Field(examples=["2026-11-21", "2026-11-21T09:30:00Z"]),
]


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a local day, in UTC; where midnight is skipped, the moment that follows the gap."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
