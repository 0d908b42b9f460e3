"""Which counts answer for which part of a time span. Pure: knows time, not tables' contents."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shortener.http.moments import local_midnight

# Of hours these are 104 days, of days six years and ten months.
MAX_BUCKETS = 2_500


class Grain(StrEnum):
    """How finely a table counts. Single clicks answer for what is cut out of the finest count."""

    CLICK = "click"
    QUARTER = "15min"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


_WIDTH = {Grain.QUARTER: timedelta(minutes=15), Grain.HOUR: timedelta(hours=1), Grain.DAY: timedelta(days=1)}
_HALF_A_DAY = timedelta(hours=12)
_UNSUMMED_GRAINS = (Grain.HOUR, Grain.CLICK)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Interval(StrEnum):
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class Span(NamedTuple):
    """From `start` up to, and without, `end`, to be read from the counts of `grain`."""

    grain: Grain
    start: datetime
    end: datetime


class Move(NamedTuple):
    """Counts of [start, end) that belong to another bucket than the middle of their UTC day; buckets count from 1."""

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


def series_spans(interval: Interval, start: datetime, end: datetime) -> list[Span]:
    """Spans for a series. A count of a day goes to the bucket that holds the day's middle: see `moves`."""
    grains = (Grain.QUARTER,) if interval is Interval.HOUR else (Grain.DAY, Grain.QUARTER)
    return split(start, end, (*grains, Grain.CLICK))


def moves(starts: list[datetime], spans: list[Span]) -> Iterator[Move]:
    """What the buckets beginning at `starts` cut off from the days that `spans` count as wholes."""
    for span in spans:
        if span.grain is not Grain.DAY:
            continue
        inner = bisect_right(starts, span.start)
        while inner < len(starts) and starts[inner] < span.end:
            midnight = _floor(starts[inner], _WIDTH[Grain.DAY])
            following = bisect_left(starts, midnight + _WIDTH[Grain.DAY], inner)
            if starts[inner] == midnight and following == inner + 1:
                # The bucket has the day whole: in UTC, all of them.
                inner = following
                continue
            cuts = [midnight, *starts[inner:following], midnight + _WIDTH[Grain.DAY]]
            middle = bisect_right(starts, midnight + _HALF_A_DAY)
            for bucket, piece in enumerate(pairwise(cuts), inner):
                if bucket != middle and piece[0] < piece[1]:
                    yield Move(*piece, out_of=middle, into=bucket)
            inner = following


def whole_days(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The first UTC midnight and the last in [start, end]; the last is before the first where there are none."""
    return _ceil(start, _WIDTH[Grain.DAY]), _floor(end, _WIDTH[Grain.DAY])


def breakdown_spans(start: datetime, end: datetime, complete: Iterable[Span]) -> list[Span]:
    """Spans for breakdowns: the complete ones, which lie within and ascend, and hours and clicks for all others."""
    found: list[Span] = []
    for span in complete:
        found += split(start, span.start, _UNSUMMED_GRAINS)
        start = span.end
        if found and found[-1].grain is span.grain and found[-1].end == span.start:
            span = span._replace(start=found.pop().start)
        found.append(span)
    return found + split(start, end, _UNSUMMED_GRAINS)


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
