"""What the API takes and gives of clicks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from shortener.figures.spans import Interval
from shortener.http.moments import local_midnight
from shortener.http.pagination import NextPath, PreviousPath


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
        description="Why the click does not count as a person's: crawler, preview, prefetch, head, no_user_agent."
    )
    new_visitor: bool


class ClickPage(BaseModel):
    items: list[ClickOut]
    next: NextPath
    previous: PreviousPath
