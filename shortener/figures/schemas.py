"""Parameters and answers of figures and clicks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from shortener.figures.spans import Interval
from shortener.http.moments import local_midnight
from shortener.http.pagination import NextPath, PreviousPath


def read_span(
    since: date | None, until: date | None, interval: Interval, zone: ZoneInfo, now: datetime
) -> tuple[datetime, datetime]:
    """The requested span in UTC; its end is exclusive. A plain date means that whole local day.

    By default it ends now, and begins 30 days earlier, or for weeks and months 12 of them.
    """
    end = now + timedelta(microseconds=1) if until is None else end_of(until, zone)
    if since is None:
        today = end.astimezone(zone).date()
        since = _first_day(today, interval)
    return start_of(since, zone), end


def _first_day(today: date, interval: Interval) -> date:
    if interval is Interval.MONTH:
        return (today - timedelta(days=365)).replace(day=1)
    return (
        today - timedelta(days=today.weekday(), weeks=12) if interval is Interval.WEEK else today - timedelta(days=29)
    )


def start_of(value: date, zone: ZoneInfo) -> datetime:
    """A moment, or the beginning of a local day, in UTC."""
    return value.astimezone(UTC) if isinstance(value, datetime) else local_midnight(value, zone)


def end_of(value: date, zone: ZoneInfo) -> datetime:
    """A moment, or the end of a local day, in UTC."""
    return start_of(value if isinstance(value, datetime) else value + timedelta(days=1), zone)


class BucketOut(BaseModel):
    start: datetime = Field(description="Beginning of the interval, in the requested time zone.")
    clicks: int
    visitors: int
    bots: int


class ValueOut(BaseModel):
    value: str = Field(description="Empty if unknown; for referrers: none. `other`: all values that are rare on a day.")
    clicks: int


class FiguresOut(BaseModel):
    clicks: int = Field(description="People's clicks.")
    visitors: int = Field(description="Sum of the unique visitors of each UTC day.")
    bots: int = Field(description="Clicks of bots, link previews, prefetches and HEAD requests.")
    series: list[BucketOut]
    referrers: list[ValueOut]
    countries: list[ValueOut]
    browsers: list[ValueOut]
    systems: list[ValueOut]
    devices: list[ValueOut]
    rules: list[ValueOut] = Field(description="The link's rules that answered, by name.")
    variants: list[ValueOut] = Field(description="The link's variants that answered, by name.")
    cities: list[ValueOut] = Field(description="Where they are known.")
    languages: list[ValueOut] = Field(description="The one that the browser asked for first, such as `de`.")
    utm_sources: list[ValueOut] = Field(description="Of the short URL's query, as are the next two.")
    utm_mediums: list[ValueOut]
    utm_campaigns: list[ValueOut]
    sources: list[ValueOut] = Field(description="`link`, or `qr` for clicks that came by the QR code.")
    hours_of_week: list[ValueOut] = Field(
        description="Weekday and hour in the requested time zone, such as `mon 09`; as many as have clicks."
    )


class BeforeOut(FiguresOut):
    """Figures of the span before. The breakdowns have the values of the asked span, in the same order."""

    since: datetime = Field(alias="from")
    until: datetime = Field(alias="to", description="Not included.")


class StatsOut(FiguresOut):
    before: BeforeOut | None = Field(description="With `compare=previous`: the span before, which is as long.")


class TopLinkOut(BaseModel):
    code: str
    title: str | None
    clicks: int


class GroupStatsOut(StatsOut):
    top_links: list[TopLinkOut] = Field(description="The links with the most clicks in the span.")


class ComparedOut(ValueOut):
    before: int | None = Field(description="With `compare=previous`: clicks in the span before.")


class PointOut(BaseModel):
    start: datetime
    clicks: int


class DimensionPage(BaseModel):
    items: list[ComparedOut]
    series: list[PointOut] | None = Field(description="With `value`: its clicks over time.")
    series_before: list[PointOut] | None = Field(description="With `value` and `compare=previous`: the span before.")
    total: int
    next: NextPath
    previous: PreviousPath


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
    rule: str | None = Field(description="The link's rule that answered.")
    variant: str | None = Field(description="The link's variant that answered.")
    city: str = Field(description="Empty if unknown, as is the language.")
    language: str
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    source: str = Field(description="`link` or `qr`.")


class ClickPage(BaseModel):
    items: list[ClickOut]
    next: NextPath
    previous: PreviousPath
