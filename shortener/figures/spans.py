"""Chooses the counts to read for each part of a time span. Pure: knows times, not the contents of tables."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shortener.http.moments import local_midnight

# These are 104 days of hours, or six years and ten months of days.
MAX_BUCKETS = 2_500


class Grain(StrEnum):
    """The interval of a table's counts. Single clicks cover the parts that cut a quarter of an hour."""

    CLICK = "click"
    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


_WIDTH = {Grain.QUARTER: timedelta(minutes=15), Grain.HOUR: timedelta(hours=1), Grain.DAY: timedelta(days=1)}
_HALF_A_DAY = timedelta(hours=12)
_UNSUMMED_GRAINS = (Grain.HOUR, Grain.CLICK)
# For what depends on the time of day.
QUARTER_GRAINS = (Grain.QUARTER, Grain.CLICK)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Interval(StrEnum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_DAYS = {Interval.DAY: timedelta(days=1), Interval.WEEK: timedelta(days=7)}


class Span(NamedTuple):
    """From `start` to `end` (exclusive), to be read from the counts of `grain`."""

    grain: Grain
    start: datetime
    end: datetime


class Move(NamedTuple):
    """A piece [start, end) of a UTC day that falls into another bucket than the day's middle; buckets count from 1."""

    start: datetime
    end: datetime
    out_of: int
    into: int


class TooManyBuckets(ValueError):
    """The interval is too fine for the span."""


def _ceil(moment: datetime, width: timedelta) -> datetime:
    return moment + (EPOCH - moment) % width


def _floor(moment: datetime, width: timedelta) -> datetime:
    return moment - (moment - EPOCH) % width


def end_of_day(moment: datetime) -> datetime:
    """The UTC midnight at or after this moment."""
    return _ceil(moment, _WIDTH[Grain.DAY])


def split(start: datetime, end: datetime, grains: tuple[Grain, ...]) -> list[Span]:
    """Cover [start, end) without gaps or overlaps: by the coarsest grain in the middle, and finer ones towards the
    edges.

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


def series_spans(interval: Interval, start: datetime, end: datetime) -> list[Span]:
    """Spans for a series. A count of a day goes to the bucket that holds the day's middle: see `moves`."""
    grains = (Grain.QUARTER,) if interval is Interval.HOUR else (Grain.DAY, Grain.QUARTER)
    return split(start, end, (*grains, Grain.CLICK))


def moves(starts: list[datetime], spans: list[Span]) -> Iterator[Move]:
    """The pieces that buckets beginning at `starts` cut off from the days that `spans` count as wholes."""
    for span in spans:
        if span.grain is not Grain.DAY:
            continue
        inner = bisect_right(starts, span.start)
        while inner < len(starts) and starts[inner] < span.end:
            midnight = _floor(starts[inner], _WIDTH[Grain.DAY])
            following = bisect_left(starts, midnight + _WIDTH[Grain.DAY], inner)
            if starts[inner] == midnight and following == inner + 1:
                # The bucket has the whole day; in UTC this is always so.
                inner = following
                continue
            cuts = [midnight, *starts[inner:following], midnight + _WIDTH[Grain.DAY]]
            middle = bisect_right(starts, midnight + _HALF_A_DAY)
            for bucket, piece in enumerate(pairwise(cuts), inner):
                if bucket != middle and piece[0] < piece[1]:
                    yield Move(*piece, out_of=middle, into=bucket)
            inner = following


def whole_days(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The first and last UTC midnight in [start, end]; without one, the last is before the first."""
    return _ceil(start, _WIDTH[Grain.DAY]), _floor(end, _WIDTH[Grain.DAY])


def breakdown_span(subject: int, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The span of a breakdown. Groups of links, whose ids are negative, have no single clicks: whole hours of them are
    counted."""
    return (start, end) if subject > 0 else (_floor(start, _WIDTH[Grain.HOUR]), _ceil(end, _WIDTH[Grain.HOUR]))


def zone_offsets(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, int]]:
    """From which moments on the zone is how many seconds ahead of UTC. Clocks are moved at quarters of an hour."""
    moment, quarter = _floor(start, _WIDTH[Grain.DAY]), _WIDTH[Grain.QUARTER]
    known = _offset_s(moment, zone)
    yield moment, known
    while moment < end:
        following = moment + _WIDTH[Grain.DAY]
        if _offset_s(following, zone) != known:
            following = moment + quarter
            if (offset_s := _offset_s(following, zone)) != known:
                known = offset_s
                yield following, known
        moment = following


def _offset_s(moment: datetime, zone: ZoneInfo) -> int:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def days_around(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The last UTC midnight that is not after the start, and the first that is not before the end."""
    return _floor(start, _WIDTH[Grain.DAY]), end_of_day(end)


def whole_quarters(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    return _floor(start, _WIDTH[Grain.QUARTER]), _ceil(end, _WIDTH[Grain.QUARTER])


def breakdown_spans(start: datetime, end: datetime, complete: Iterable[Span]) -> list[Span]:
    """Spans for breakdowns: the complete ones, and hours and clicks for the rest."""
    return summed_spans(start, end, complete, _UNSUMMED_GRAINS)


def summed_spans(start: datetime, end: datetime, complete: Iterable[Span], grains: tuple[Grain, ...]) -> list[Span]:
    """Spans that cover [start, end): the complete ones, which ascend within it, and those of finer `grains`."""
    found: list[Span] = []
    for span in complete:
        found += split(start, span.start, grains)
        start = span.end
        if found and found[-1].grain is span.grain and found[-1].end == span.start:
            span = span._replace(start=found.pop().start)
        found.append(span)
    return found + split(start, end, grains)


def _local_hours(start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """An hour that occurs twice is two buckets. If clocks move by half an hour, a bucket begins (again) with that move:
    it is found by stepping forward from before `start`."""
    moment = start - timedelta(hours=2)
    while True:
        local = moment.astimezone(zone)
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        following = moment - into + timedelta(hours=1)
        if following > start:
            yield moment
        moment = following


def _local_starts(start: datetime, interval: Interval, zone: ZoneInfo) -> Iterator[datetime]:
    """Beginnings of the local intervals in UTC, from the one that contains `start` on, without end."""
    if interval is Interval.HOUR:
        yield from _local_hours(start.astimezone(UTC), zone)
    day = start.astimezone(zone).date()
    if interval is Interval.MONTH:
        day = day.replace(day=1)
    elif interval is Interval.WEEK:
        day -= timedelta(days=day.weekday())
    while True:
        yield local_midnight(day, zone)
        day = (day + timedelta(days=32)).replace(day=1) if interval is Interval.MONTH else day + _DAYS[interval]


def bucket_starts(start: datetime, end: datetime, interval: Interval, zone: ZoneInfo) -> Iterator[datetime]:
    """Beginnings, in UTC and ascending, of the buckets that cover [start, end). Raises TooManyBuckets."""
    count, last = 0, datetime.min.replace(tzinfo=UTC)
    for moment in _local_starts(start, interval, zone):
        if moment >= end:
            break
        if count == MAX_BUCKETS:
            raise TooManyBuckets(f"more than {MAX_BUCKETS:,} intervals; choose a coarser interval or a shorter span")
        if moment > last:
            yield moment
            count, last = count + 1, moment
