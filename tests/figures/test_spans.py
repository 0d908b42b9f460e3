"""Which counts answer for which part of a time span, and where the buckets of a series begin."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener.clicks.partitions import next_month
from shortener.figures import spans as module
from shortener.figures.spans import (
    MAX_BUCKETS,
    Grain,
    Interval,
    Move,
    Span,
    TooManyBuckets,
    breakdown_spans,
    end_of_day,
    series_spans,
    split,
    whole_days,
)
from shortener.http.moments import local_midnight

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WIDTHS = {Grain.QUARTER: timedelta(minutes=15), Grain.HOUR: timedelta(hours=1), Grain.DAY: timedelta(days=1)}
GRAINS = [
    (Grain.DAY, Grain.HOUR, Grain.CLICK),
    (Grain.DAY, Grain.QUARTER, Grain.CLICK),
    (Grain.DAY, Grain.HOUR, Grain.QUARTER, Grain.CLICK),
    (Grain.QUARTER, Grain.CLICK),
    (Grain.CLICK,),
]
ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu",
    "America/Sao_Paulo", "Pacific/Apia", "Pacific/Kiritimati", "America/St_Johns", "America/Havana", "Africa/Cairo",
    "Europe/London", "Pacific/Auckland",
]  # fmt: skip

moments = st.datetimes(datetime(2009, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
lengths = st.one_of(
    st.timedeltas(timedelta(microseconds=1), timedelta(minutes=40)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=3)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=300)),
)
zones = st.sampled_from(ZONES).map(ZoneInfo)


def bucket_starts(start: datetime, end: datetime, interval: Interval, zone: ZoneInfo) -> list[datetime]:
    return list(module.bucket_starts(start, end, interval, zone))


def moves(starts: list[datetime], read: list[Span]) -> list[Move]:
    return list(module.moves(starts, read))


def end_of(start: datetime, length: timedelta, interval: Interval) -> datetime:
    """Late enough that the span has no more buckets than allowed."""
    return start + (min(length, timedelta(hours=MAX_BUCKETS - 2)) if interval is Interval.HOUR else length)


def starts_of(start: datetime, end: datetime, interval: Interval, zone: str, *, utc_offset: bool = False) -> list[str]:
    """Beginnings of the buckets as the local clock shows them."""
    form = "%Y-%m-%d %H:%M %z" if utc_offset else "%Y-%m-%d %H:%M"
    local = ZoneInfo(zone)
    return [moment.astimezone(local).strftime(form) for moment in bucket_starts(start, end, interval, local)]


@given(moments, lengths, st.sampled_from(GRAINS))
def test_a_split_span_has_neither_gap_nor_overlap(
    start: datetime, length: timedelta, grains: tuple[Grain, ...]
) -> None:
    spans = split(start, start + length, grains)
    assert spans[0].start == start
    assert spans[-1].end == start + length
    assert all(span.start < span.end for span in spans)
    assert all(earlier.end == later.start for earlier, later in pairwise(spans))


@given(moments, lengths, st.sampled_from(GRAINS))
def test_every_counted_piece_is_made_of_whole_counts(
    start: datetime, length: timedelta, grains: tuple[Grain, ...]
) -> None:
    for span in split(start, start + length, grains):
        if span.grain is not Grain.CLICK:
            assert (span.start - EPOCH) % WIDTHS[span.grain] == timedelta(0)
            assert (span.end - EPOCH) % WIDTHS[span.grain] == timedelta(0)


@given(moments, lengths, st.sampled_from(GRAINS))
def test_single_clicks_are_read_only_at_the_edges(
    start: datetime, length: timedelta, grains: tuple[Grain, ...]
) -> None:
    spans = split(start, start + length, grains)
    if grains != (Grain.CLICK,):
        finest = WIDTHS[grains[-2]]
        assert sum((s.end - s.start for s in spans if s.grain is Grain.CLICK), timedelta(0)) < 2 * finest


@pytest.mark.parametrize("length", [timedelta(0), timedelta(seconds=-1)])
def test_an_empty_span_is_split_into_nothing(length: timedelta) -> None:
    assert split(EPOCH, EPOCH + length, (Grain.DAY, Grain.CLICK)) == []


def test_whole_utc_days_are_read_from_the_counts_of_days_only() -> None:
    start, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    spans = series_spans(Interval.DAY, start, end)
    assert [span.grain for span in spans] == [Grain.DAY]
    assert moves(bucket_starts(start, end, Interval.DAY, ZoneInfo("UTC")), spans) == []


def test_local_days_are_read_from_days_and_the_hours_by_which_they_are_moved() -> None:
    start, end = datetime(2026, 3, 1, 5, tzinfo=UTC), datetime(2026, 3, 5, 5, tzinfo=UTC)
    starts = bucket_starts(start, end, Interval.DAY, ZoneInfo("America/New_York"))
    spans = series_spans(Interval.DAY, start, end)
    assert [span.grain for span in spans] == [Grain.QUARTER, Grain.DAY, Grain.QUARTER]
    midnights = [datetime(2026, 3, day, tzinfo=UTC) for day in (2, 3, 4)]
    assert moves(starts, spans) == [
        Move(midnight, midnight + timedelta(hours=5), out_of=n, into=n - 1) for n, midnight in enumerate(midnights, 2)
    ]


def test_hours_are_read_from_quarters_of_an_hour() -> None:
    start, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)
    assert [span.grain for span in series_spans(Interval.HOUR, start, end)] == [Grain.QUARTER]


@given(moments, lengths, zones, st.sampled_from(Interval))
def test_every_moment_of_a_series_is_counted_in_its_own_bucket(
    start: datetime, length: timedelta, zone: ZoneInfo, interval: Interval
) -> None:
    end = end_of(start, length, interval)
    starts = bucket_starts(start, end, interval, zone)
    spans = series_spans(interval, start, end)
    moved = moves(starts, spans)
    assert all((m - EPOCH) % WIDTHS[Grain.QUARTER] == timedelta(0) for move in moved for m in (move.start, move.end))
    probes = {start, end - timedelta(microseconds=1), *starts[1:], *(m - timedelta(microseconds=1) for m in starts[1:])}
    for probe in probes:
        [span] = [span for span in spans if span.start <= probe < span.end]
        width = WIDTHS.get(span.grain)
        first = probe if width is None else probe - (probe - EPOCH) % width
        counted_at = first + timedelta(hours=12) if span.grain is Grain.DAY else first
        bucket = max(1, bisect_right(starts, counted_at))
        for move in moved:
            if move.start <= probe < move.end:
                assert move.out_of == bucket
                bucket = move.into
        assert bucket == bisect_right(starts, probe)


@given(moments, lengths, st.sets(st.integers(0, 11)))
def test_complete_months_and_days_answer_for_themselves_and_hours_for_the_others(
    start: datetime, length: timedelta, chosen: set[int]
) -> None:
    end = start + length
    first, last = whole_days(start, end)
    complete = [unit for n, unit in enumerate(units(first, last)) if n % 12 in chosen]
    spans = breakdown_spans(start, end, complete)
    assert (spans[0].start, spans[-1].end) == (start, end)
    assert all(earlier.end == later.start for earlier, later in pairwise(spans))
    for grain in (Grain.MONTH, Grain.DAY):
        wanted = [unit for unit in complete if unit.grain is grain]
        read = [span for span in spans if span.grain is grain]
        assert [
            unit for unit in wanted if any(span.start <= unit.start < unit.end <= span.end for span in read)
        ] == wanted
        assert sum((span.end - span.start for span in read), timedelta()) == sum(
            (unit.end - unit.start for unit in wanted), timedelta()
        )


def units(first: datetime, last: datetime) -> Iterator[Span]:
    """The whole months between two midnights, and the days outside them."""
    while first < last:
        is_month = first.day == 1 and next_month(first) <= last
        end = next_month(first) if is_month else first + timedelta(days=1)
        yield Span(Grain.MONTH if is_month else Grain.DAY, first, end)
        first = end


@given(moments, lengths, zones, st.sampled_from(Interval))
def test_buckets_ascend_and_cover_the_span(
    start: datetime, length: timedelta, zone: ZoneInfo, interval: Interval
) -> None:
    end = end_of(start, length, interval)
    starts = bucket_starts(start, end, interval, zone)
    assert starts[0] <= start
    assert all(earlier < later for earlier, later in pairwise(starts))
    assert starts[-1] < end
    if len(starts) > 1:
        assert starts[1] > start


@given(moments, lengths, zones)
def test_each_bucket_of_days_holds_one_local_day(start: datetime, length: timedelta, zone: ZoneInfo) -> None:
    starts = bucket_starts(start, start + length, Interval.DAY, zone)
    days = [moment.astimezone(zone).date() for moment in starts]
    assert days[0] == start.astimezone(zone).date()
    assert days == sorted(set(days))
    for moment in starts:
        before = (moment - timedelta(microseconds=1)).astimezone(zone).date()
        assert before < moment.astimezone(zone).date()


@given(moments, lengths, zones)
def test_each_bucket_of_hours_shows_one_hour_on_the_local_clock(
    start: datetime, length: timedelta, zone: ZoneInfo
) -> None:
    starts = bucket_starts(start, end_of(start, length, Interval.HOUR), Interval.HOUR, zone)
    for moment, following in pairwise(starts):
        assert timedelta(0) < following - moment <= timedelta(hours=1)
        first, last = moment.astimezone(zone), (following - timedelta(microseconds=1)).astimezone(zone)
        if first.utcoffset() == last.utcoffset():
            assert (first.date(), first.hour) == (last.date(), last.hour)


@given(moments, lengths, zones)
def test_each_bucket_of_months_begins_on_a_first(start: datetime, length: timedelta, zone: ZoneInfo) -> None:
    starts = bucket_starts(start, start + length, Interval.MONTH, zone)
    local = [moment.astimezone(zone) for moment in starts]
    assert all(moment.day == 1 and moment.hour <= 1 for moment in local)
    assert len({(moment.year, moment.month) for moment in local}) == len(local)
    assert (local[0].year, local[0].month) == (start.astimezone(zone).year, start.astimezone(zone).month)


def test_the_hour_that_berlin_skips_has_no_bucket() -> None:
    starts = starts_of(
        datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 3, tzinfo=UTC), Interval.HOUR, "Europe/Berlin"
    )
    assert [start[-5:] for start in starts] == ["00:00", "01:00", "03:00", "04:00"]


def test_the_hour_that_new_york_lives_twice_has_two_buckets() -> None:
    starts = starts_of(
        datetime(2026, 11, 1, 4, tzinfo=UTC),
        datetime(2026, 11, 1, 8, tzinfo=UTC),
        Interval.HOUR,
        "America/New_York",
        utc_offset=True,
    )
    assert [start[11:] for start in starts] == ["00:00 -0400", "01:00 -0400", "01:00 -0500", "02:00 -0500"]


def test_the_half_hour_that_lord_howe_skips_leaves_half_an_hour() -> None:
    start = datetime(2026, 10, 3, 14, 30, tzinfo=UTC)
    starts = starts_of(start, start + timedelta(hours=3), Interval.HOUR, "Australia/Lord_Howe")
    assert starts == ["2026-10-04 01:00", "2026-10-04 02:30", "2026-10-04 03:00", "2026-10-04 04:00"]


def test_the_half_hour_that_lord_howe_lives_twice_is_a_bucket_of_its_own() -> None:
    start = datetime(2026, 4, 4, 14, 0, tzinfo=UTC)
    starts = starts_of(start, start + timedelta(hours=2), Interval.HOUR, "Australia/Lord_Howe", utc_offset=True)
    assert [each[11:] for each in starts] == ["01:00 +1100", "01:30 +1030", "02:00 +1030"]


def test_a_span_that_begins_inside_a_shortened_hour_begins_with_that_hour() -> None:
    start = datetime(2026, 10, 3, 15, 45, tzinfo=UTC)
    starts = starts_of(start, start + timedelta(hours=1), Interval.HOUR, "Australia/Lord_Howe")
    assert starts == ["2026-10-04 02:30", "2026-10-04 03:00"]


@pytest.mark.parametrize(("zone", "minute"), [("Asia/Kolkata", 30), ("Asia/Kathmandu", 15), ("Europe/Berlin", 0)])
def test_hours_of_zones_with_parts_of_an_hour_begin_at_the_local_minute_0(zone: str, minute: int) -> None:
    start = datetime(2026, 5, 5, 10, 50, tzinfo=UTC)
    starts = bucket_starts(start, start + timedelta(hours=5), Interval.HOUR, ZoneInfo(zone))
    assert {moment.minute for moment in starts} == {minute}
    assert {moment.astimezone(ZoneInfo(zone)).minute for moment in starts} == {0}


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Asia/Kathmandu", date(2026, 4, 5), 24),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
        ("America/Sao_Paulo", date(2019, 2, 16), 25),
        ("America/Sao_Paulo", date(2026, 11, 1), 24),
    ],
)
def test_a_local_day_is_as_long_as_the_clocks_make_it(zone: str, day: date, hours: float) -> None:
    start, end = (local_midnight(each, ZoneInfo(zone)) for each in (day, day + timedelta(days=1)))
    assert end - start == timedelta(hours=hours)
    assert bucket_starts(start, end, Interval.DAY, ZoneInfo(zone)) == [start]


def test_a_day_without_midnight_begins_when_the_clocks_have_moved() -> None:
    local = local_midnight(date(2018, 11, 4), ZoneInfo("America/Sao_Paulo")).astimezone(ZoneInfo("America/Sao_Paulo"))
    assert local.strftime("%Y-%m-%d %H:%M") == "2018-11-04 01:00"


def test_the_day_that_apia_skipped_has_no_bucket() -> None:
    start, end = datetime(2011, 12, 28, 12, tzinfo=UTC), datetime(2012, 1, 1, 12, tzinfo=UTC)
    starts = starts_of(start, end, Interval.DAY, "Pacific/Apia")
    assert [each[:10] for each in starts] == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01", "2012-01-02"]


def test_as_many_buckets_as_allowed_are_given_and_not_one_more() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = start + timedelta(hours=MAX_BUCKETS)
    assert len(bucket_starts(start, end, Interval.HOUR, ZoneInfo("UTC"))) == MAX_BUCKETS
    with pytest.raises(TooManyBuckets):
        bucket_starts(start, end + timedelta(microseconds=1), Interval.HOUR, ZoneInfo("UTC"))


@given(moments)
def test_the_end_of_a_day_is_the_next_utc_midnight(moment: datetime) -> None:
    end = end_of_day(moment)
    assert (end - EPOCH) % timedelta(days=1) == timedelta(0)
    assert timedelta(0) <= end - moment < timedelta(days=1)
    assert end_of_day(end) == end
