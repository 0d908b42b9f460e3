"""Which counts answer for which part of a time span. Pure: knows time, not tables' contents."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

MAX_BUCKETS = 10_000


class Grain(StrEnum):
    """How finely a table counts. Single clicks answer for what is cut out of the finest count."""

    CLICK = "click"
    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"


_WIDTH = {Grain.QUARTER: timedelta(minutes=15), Grain.HOUR: timedelta(hours=1), Grain.DAY: timedelta(days=1)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Interval(StrEnum):
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class Span(NamedTuple):
    """From `start` up to, and without, `end`, to be read from the counts of `grain`."""

    grain: Grain
    start: datetime
    end: datetime


class TooManyBuckets(ValueError):
    """The interval is too fine for the span."""


def _ceil(moment: datetime, width: timedelta) -> datetime:
    return moment + (_EPOCH - moment) % width


def _floor(moment: datetime, width: timedelta) -> datetime:
    return moment - (moment - _EPOCH) % width


def end_of_day(moment: datetime) -> datetime:
    """The UTC midnight at or after this moment."""
    return _ceil(moment, _WIDTH[Grain.DAY])


def split(start: datetime, end: datetime, grains: tuple[Grain, ...]) -> list[Span]:
    """Cover [start, end) without gap or overlap: by the coarsest grain in the middle, finer ones towards the edges.

    `grains` go from coarse to fine, and end with CLICK.
    """
    if start >= end:
        return []
    grain, *finer = grains
    if grain is Grain.CLICK:
        return [Span(grain, start, end)]
    first, last = _ceil(start, _WIDTH[grain]), _floor(end, _WIDTH[grain])
    if first >= last:
        return split(start, end, tuple(finer))
    return [*split(start, first, tuple(finer)), Span(grain, first, last), *split(last, end, tuple(finer))]


def series_spans(starts: list[datetime], start: datetime, end: datetime) -> list[Span]:
    """Spans for a series of these buckets; counts of days will do where each begins at a UTC midnight."""
    inner = starts[1:]
    whole_days = all(_floor(moment, _WIDTH[Grain.DAY]) == moment for moment in inner)
    grains = (Grain.DAY, Grain.QUARTER, Grain.CLICK) if whole_days else (Grain.QUARTER, Grain.CLICK)
    return split(start, end, grains)


def breakdown_spans(start: datetime, end: datetime) -> list[Span]:
    return split(start, end, (Grain.DAY, Grain.HOUR, Grain.CLICK))


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a local day, in UTC; where midnight is skipped, the moment that follows the gap."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _local_hours(start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """An hour that is lived twice is two buckets. One that clocks are moved into by half an hour begins, or begins
    again, with that move: it is found by going forward, from before `start`."""
    moment = start - timedelta(hours=2)
    while True:
        local = moment.astimezone(zone)
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        following = moment - into + timedelta(hours=1)
        if following > start:
            yield moment
        moment = following


def _local_starts(start: datetime, interval: Interval, zone: ZoneInfo) -> Iterator[datetime]:
    """Beginnings of the local intervals, in UTC, from the one that holds `start` on, without end."""
    if interval is Interval.HOUR:
        yield from _local_hours(start.astimezone(UTC), zone)
    day = start.astimezone(zone).date()
    if interval is Interval.MONTH:
        day = day.replace(day=1)
    while True:
        yield local_midnight(day, zone)
        day = day + timedelta(days=1) if interval is Interval.DAY else (day + timedelta(days=32)).replace(day=1)


def bucket_starts(start: datetime, end: datetime, interval: Interval, zone: ZoneInfo) -> list[datetime]:
    """Beginnings, in UTC and ascending, of the buckets that cover [start, end). Raises TooManyBuckets."""
    starts: list[datetime] = []
    for moment in _local_starts(start, interval, zone):
        if moment >= end:
            break
        if len(starts) == MAX_BUCKETS:
            raise TooManyBuckets(f"more than {MAX_BUCKETS} intervals; choose a coarser interval or a shorter span")
        if not starts or moment > starts[-1]:
            starts.append(moment)
    return starts
