"""What the API takes and gives of clicks."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from shortener.clicks.spans import Interval, local_midnight
from shortener.pagination import NextPath, PreviousPath

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


def read_span(
    since: date | None, until: date | None, interval: Interval, zone: ZoneInfo, now: datetime
) -> tuple[datetime, datetime]:
    """The asked span in UTC, its end not included. A plain date means that whole local day.

    By default it ends now, and begins 30 days earlier, or for months 12 of them.
    """
    if until is None:
        end = now + timedelta(microseconds=1)
    else:
        end = _moment(until, zone) if isinstance(until, datetime) else local_midnight(until + timedelta(days=1), zone)
    if since is None:
        today = end.astimezone(zone).date()
        since = (
            (today - timedelta(days=365)).replace(day=1) if interval is Interval.MONTH else today - timedelta(days=29)
        )
    return _moment(since, zone), end


def _moment(value: date, zone: ZoneInfo) -> datetime:
    return value.astimezone(UTC) if isinstance(value, datetime) else local_midnight(value, zone)


class BucketOut(BaseModel):
    start: datetime = Field(description="Beginning of the interval, in the asked time zone.")
    clicks: int
    visitors: int
    bots: int


class ValueOut(BaseModel):
    value: str = Field(description="Empty where it is not known; for referrers: none.")
    clicks: int


class StatsOut(BaseModel):
    clicks: int = Field(description="People's clicks.")
    visitors: int = Field(description="Unique visitors a UTC day, summed.")
    bots: int = Field(description="Clicks of bots, link previews, prefetches and HEAD requests.")
    series: list[BucketOut]
    referrers: list[ValueOut]
    countries: list[ValueOut]
    browsers: list[ValueOut]
    systems: list[ValueOut]
    devices: list[ValueOut]


class ClickOut(BaseModel):
    at: datetime
    country: str
    referrer: str
    browser: str
    system: str
    device: str
    bot: str | None = Field(
        description="Why the click is none of a person: crawler, preview, prefetch, head, no_user_agent."
    )
    new_visitor: bool


class ClickPage(BaseModel):
    items: list[ClickOut]
    next: NextPath
    previous: PreviousPath
