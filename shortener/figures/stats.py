"""Figures of a link, read from counts. Single clicks are read only for what a span cuts out of a quarter or an hour."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.clicks.models import DIMENSIONS
from shortener.event_loop.slices import gathered
from shortener.figures.rollups import complete_spans
from shortener.figures.spans import (
    Grain,
    Interval,
    Span,
    breakdown_spans,
    bucket_starts,
    end_of_day,
    moves,
    series_spans,
)

TOP = 10
_NONE = (0, 0, 0)

# By grain: what is read of each of its spans. Without OFFSET 0 the planner may scan a year to read a few days.
_READ = """
    SELECT {columns} FROM unnest(CAST(:{grain}_from AS timestamptz[]), CAST(:{grain}_to AS timestamptz[])) AS s (s, e)
    CROSS JOIN LATERAL (SELECT * FROM {table} WHERE link_id = :link AND {time} >= s.s AND {time} < s.e OFFSET 0) AS c
"""


def _read(grain: Grain, table: str, columns: str, time: str = "start") -> str:
    return _READ.format(grain=grain.name.lower(), table=table, columns=columns, time=time)


_VALUES = "dimension, value, clicks, bots"
_OF_A_CLICK = ", ".join(f"({dimension.number}, {dimension.column})" for dimension in DIMENSIONS.values())
_SERIES = {
    Grain.DAY: _read(Grain.DAY, "click_counts_daily", "start + interval '12 hours' AS middle, clicks, visitors, bots"),
    Grain.QUARTER: _read(Grain.QUARTER, "click_counts_15min", "start AS middle, clicks, visitors, bots"),
    Grain.CLICK: _read(
        Grain.CLICK,
        "clicks",
        "at AS middle, (bot IS NULL)::int AS clicks, is_new_visitor::int AS visitors, (bot IS NOT NULL)::int AS bots",
        "at",
    ),
}
_BREAKDOWNS = {
    Grain.MONTH: _read(Grain.MONTH, "click_breakdown_monthly", _VALUES),
    Grain.DAY: _read(Grain.DAY, "click_breakdown_daily", _VALUES),
    Grain.HOUR: _read(Grain.HOUR, "click_breakdown_hourly", _VALUES),
    Grain.CLICK: _read(
        Grain.CLICK,
        "clicks",
        "v.dimension, v.value, (bot IS NULL)::int AS clicks, (bot IS NOT NULL)::int AS bots",
        "at",
    )
    + f"CROSS JOIN LATERAL (VALUES {_OF_A_CLICK}) AS v (dimension, value)",
}
_STARTS = """ARRAY(
    SELECT to_timestamp(s) FROM unnest(CAST(CAST(:starts AS text) AS bigint[])) WITH ORDINALITY AS u (s, n) ORDER BY n
)"""
# The sum a piece is taken first: a join with its rows would be planned as a scan of the whole year.
_MOVED = """
    SELECT v.bucket, v.sign * q.clicks, v.sign * q.visitors, v.sign * q.bots
    FROM unnest(CAST(CAST(:moved_from AS text) AS bigint[]), CAST(CAST(:moved_to AS text) AS bigint[]),
        CAST(CAST(:out_of AS text) AS int[]), CAST(CAST(:into AS text) AS int[])) AS m (s, e, out_of, into_bucket)
    CROSS JOIN LATERAL (SELECT sum(clicks) AS clicks, sum(visitors) AS visitors, sum(bots) AS bots
        FROM click_counts_15min WHERE link_id = :link AND start >= to_timestamp(m.s) AND start < to_timestamp(m.e)) AS q
    CROSS JOIN LATERAL (VALUES (m.out_of, -1), (m.into_bucket, 1)) AS v (bucket, sign) WHERE q.clicks IS NOT NULL
"""


class Bucket(NamedTuple):
    """`start` is in the asked time zone; clicks and visitors are people's."""

    start: datetime
    clicks: int
    visitors: int
    bots: int


class ValueCount(NamedTuple):
    value: str
    clicks: int


class Figures(NamedTuple):
    clicks: int
    visitors: int
    bots: int
    series: list[Bucket]
    breakdowns: dict[str, list[ValueCount]]


def _union(spans: Iterable[Span], read: dict[Grain, str]) -> tuple[str, dict[str, Any]]:
    by_grain: dict[Grain, list[Span]] = {}
    for span in spans:
        by_grain.setdefault(span.grain, []).append(span)
    parameters: dict[str, Any] = {}
    for grain, of_grain in by_grain.items():
        name = grain.name.lower()
        parameters[f"{name}_from"] = [span.start for span in of_grain]
        parameters[f"{name}_to"] = [span.end for span in of_grain]
    return " UNION ALL ".join(read[grain] for grain in sorted(by_grain)), parameters


async def figures(
    session: AsyncSession,
    link_id: int,
    start: datetime,
    end: datetime,
    interval: Interval,
    zone: ZoneInfo,
    *,
    bots: bool,
    now: datetime,
) -> Figures:
    """Figures of [start, end): a series without gaps, and the most frequent values of each dimension,
    which count bots too when `bots`. `now` is the moment that `end` was chosen by. Raises TooManyBuckets."""
    starts = await gathered(bucket_starts(start, end, interval, zone))
    if end >= now:
        # Nothing lies in the future: to its end, today's count says the same as the single clicks up to now.
        end = end_of_day(end)
    series = await _series(session, link_id, start, end, starts, interval, zone)
    breakdowns = await _breakdowns(session, link_id, start, end, bots=bots)
    return Figures(
        clicks=sum(bucket.clicks for bucket in series),
        visitors=sum(bucket.visitors for bucket in series),
        bots=sum(bucket.bots for bucket in series),
        series=series,
        breakdowns=breakdowns,
    )


async def _series(
    session: AsyncSession,
    link_id: int,
    start: datetime,
    end: datetime,
    starts: list[datetime],
    interval: Interval,
    zone: ZoneInfo,
) -> list[Bucket]:
    spans = series_spans(interval, start, end)
    union, parameters = _union(spans, _SERIES)
    rows: dict[int, tuple[int, int, int]] = {}
    if union:
        parts = (
            f"SELECT greatest(width_bucket(middle, {_STARTS}), 1) AS bucket, clicks, visitors, bots FROM ({union}) AS u"
        )
        moved = await gathered(moves(starts, spans))
        if moved:
            parts += f" UNION ALL {_MOVED}"
            moved_from, moved_to, out_of, into = zip(*moved, strict=True)
            parameters |= {"moved_from": await _seconds(moved_from), "moved_to": await _seconds(moved_to)}
            parameters |= {"out_of": _array(out_of), "into": _array(into)}
        sums = "sum(clicks)::bigint, sum(visitors)::bigint, sum(bots)::bigint"
        sql = f"SELECT bucket, {sums} FROM ({parts}) AS p GROUP BY 1"
        result = await session.execute(text(sql), {"link": link_id, "starts": await _seconds(starts), **parameters})
        rows = {bucket: (clicks, visitors, bots) for bucket, clicks, visitors, bots in result}
    return await gathered(Bucket(moment.astimezone(zone), *rows.get(n, _NONE)) for n, moment in enumerate(starts, 1))


async def _seconds(moments: Iterable[datetime]) -> str:
    """Whole seconds since the epoch, as an array for the database: the driver would take ten times as long to write the
    moments themselves, and could not be interrupted."""
    return _array(await gathered(int(moment.timestamp()) for moment in moments))


def _array(numbers: Iterable[int]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"


async def _breakdowns(
    session: AsyncSession, link_id: int, start: datetime, end: datetime, *, bots: bool
) -> dict[str, list[ValueCount]]:
    complete = await complete_spans(session, link_id, start, end)
    union, parameters = _union(breakdown_spans(start, end, complete), _BREAKDOWNS)
    found: dict[str, list[ValueCount]] = {name: [] for name in DIMENSIONS}
    if not union:
        return found
    counted = "clicks + bots" if bots else "clicks"
    sql = (
        "SELECT dimension, value, clicks FROM (SELECT dimension, value, clicks, "
        "row_number() OVER (PARTITION BY dimension ORDER BY clicks DESC, value) AS place "
        f"FROM (SELECT dimension, value, sum({counted})::bigint AS clicks FROM ({union}) AS u GROUP BY 1, 2) AS s "
        "WHERE clicks > 0) AS p WHERE place <= :top ORDER BY dimension, place"
    )
    names = {dimension.number: name for name, dimension in DIMENSIONS.items()}
    result = await session.execute(text(sql), {"link": link_id, "top": TOP, **parameters})
    for number, value, clicks in result:
        found[names[number]].append(ValueCount(value, clicks))
    return found
