"""Figures of a span, read from counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.clicks.bounds import LINKS
from shortener.clicks.models import DIMENSIONS
from shortener.event_loop.slices import gathered
from shortener.figures.asked import Asked
from shortener.figures.hours_of_week import Offsets, hours_of_week_sql, offsets_of
from shortener.figures.reads import (
    COUNTED_VALUES,
    SERIES,
    STARTS,
    array,
    breakdown_reads,
    counted,
    seconds,
    union,
)
from shortener.figures.rollups import Summed, complete_spans
from shortener.figures.spans import Span, breakdown_span, breakdown_spans, end_of_day, moves, series_spans

TOP = 10
# Of these dimensions all values are given, and not more than a link can have had in a while.
_WHOLE = ", ".join(str(DIMENSIONS[name].number) for name in ("rules", "variants"))
MOST = 100
HOURS_OF_WEEK = "hours_of_week"
_NONE = (0, 0, 0)
_NAMES = {dimension.number: name for name, dimension in DIMENSIONS.items()}
_BREAKDOWNS = breakdown_reads(f"dimension < {LINKS}")
# Each piece is summed first: the planner would join its rows by a scan of the whole year.
_MOVED = """
    SELECT v.bucket, v.sign * q.clicks, v.sign * q.visitors, v.sign * q.bots
    FROM unnest(CAST(CAST(:moved_from AS text) AS bigint[]), CAST(CAST(:moved_to AS text) AS bigint[]),
        CAST(CAST(:out_of AS text) AS int[]), CAST(CAST(:into AS text) AS int[])) AS m (s, e, out_of, into_bucket)
    CROSS JOIN LATERAL (SELECT sum(clicks) AS clicks, sum(visitors) AS visitors, sum(bots) AS bots
        FROM click_counts_15min WHERE link_id = :link AND start >= to_timestamp(m.s) AND start < to_timestamp(m.e)) AS q
    CROSS JOIN LATERAL (VALUES (m.out_of, -1), (m.into_bucket, 1)) AS v (bucket, sign) WHERE q.clicks IS NOT NULL
"""
_TOP_SQL = f"""
    SELECT dimension, value, clicks FROM (
        SELECT dimension, value, clicks, row_number() OVER (PARTITION BY dimension ORDER BY clicks DESC, value) AS place
        FROM ({{counted}}) AS c WHERE clicks > 0
    ) AS p WHERE place <= CASE WHEN dimension IN ({_WHOLE}) THEN {MOST} ELSE {TOP} END ORDER BY dimension, place
"""
_THESE_SQL = """
    SELECT dimension, value, coalesce(clicks, 0) FROM unnest(CAST(:dimensions AS smallint[]), CAST(:values AS text[]))
        WITH ORDINALITY AS these (dimension, value, n) LEFT JOIN ({counted}) AS c USING (dimension, value) ORDER BY n
"""


class Bucket(NamedTuple):
    """`start` is in the requested time zone; clicks and visitors are people's."""

    start: datetime
    clicks: int
    visitors: int
    bots: int


class ValueCount(NamedTuple):
    value: str
    clicks: int


Breakdowns = Mapping[str, Sequence[ValueCount]]


class Figures(NamedTuple):
    clicks: int
    visitors: int
    bots: int
    series: list[Bucket]
    breakdowns: Breakdowns


async def figures(session: AsyncSession, link_id: int, asked: Asked, same: Breakdowns | None = None) -> Figures:
    """A series without gaps, and of each dimension the most frequent values, or those of `same`. Raises InvalidSpan."""
    series = await read_series(session, link_id, asked)
    asked = asked._replace(end=whole_today(asked))
    start, end = breakdown_span(link_id, asked.start, asked.end)
    offsets = await offsets_of(asked)
    summed = await complete_spans(session, link_id, start, end, offsets.moves)
    breakdowns = await _breakdowns(session, link_id, asked, same, breakdown_spans(start, end, summed.spans))
    hours = await _hours_of_week(session, link_id, asked, offsets, summed)
    if same is not None:
        hours = {each.value: hours.get(each.value, 0) for each in same[HOURS_OF_WEEK]}
    breakdowns[HOURS_OF_WEEK] = [ValueCount(*each) for each in hours.items()]
    return Figures(
        clicks=sum(bucket.clicks for bucket in series),
        visitors=sum(bucket.visitors for bucket in series),
        bots=sum(bucket.bots for bucket in series),
        series=series,
        breakdowns=breakdowns,
    )


def whole_today(asked: Asked) -> datetime:
    """The end of the span. No click is in the future, so today's count equals the single clicks up to now."""
    return end_of_day(asked.end) if asked.end >= asked.now else asked.end


async def read_series(session: AsyncSession, link_id: int, asked: Asked) -> list[Bucket]:
    """A series without gaps. Raises InvalidSpan."""
    starts = await asked.starts()
    asked = asked._replace(end=whole_today(asked))
    spans = series_spans(asked.interval, asked.start, asked.end)
    rows_of, parameters = union(spans, SERIES)
    rows: dict[int, tuple[int, int, int]] = {}
    if rows_of:
        parts = (
            f"SELECT greatest(width_bucket(middle, {STARTS}), 1) AS bucket, clicks, visitors, bots "
            f"FROM ({rows_of}) AS u"
        )
        moved = await gathered(moves(starts, spans))
        if moved:
            parts += f" UNION ALL {_MOVED}"
            moved_from, moved_to, out_of, into = zip(*moved, strict=True)
            parameters |= {"moved_from": await seconds(moved_from), "moved_to": await seconds(moved_to)}
            parameters |= {"out_of": array(out_of), "into": array(into)}
        sums = "sum(clicks)::bigint, sum(visitors)::bigint, sum(bots)::bigint"
        sql = f"SELECT bucket, {sums} FROM ({parts}) AS p GROUP BY 1"
        result = await session.execute(text(sql), {"link": link_id, "starts": await seconds(starts), **parameters})
        rows = {bucket: (clicks, visitors, bots) for bucket, clicks, visitors, bots in result}
    zone = asked.zone
    return await gathered(Bucket(moment.astimezone(zone), *rows.get(n, _NONE)) for n, moment in enumerate(starts, 1))


async def _breakdowns(
    session: AsyncSession, link_id: int, asked: Asked, same: Breakdowns | None, spans: list[Span]
) -> dict[str, list[ValueCount]]:
    found: dict[str, list[ValueCount]] = {name: [] for name in DIMENSIONS}
    rows_of, parameters = union(spans, _BREAKDOWNS)
    if not rows_of:
        return found
    values = COUNTED_VALUES.format(counted=counted(asked.bots), union=rows_of)
    if same is None:
        sql = _TOP_SQL.format(counted=values)
    else:
        sql = _THESE_SQL.format(counted=values)
        these = [(DIMENSIONS[name].number, each.value) for name in DIMENSIONS for each in same[name]]
        parameters |= {"dimensions": [number for number, _ in these], "values": [value for _, value in these]}
    for number, value, clicks in await session.execute(text(sql), {"link": link_id, **parameters}):
        # A worker of the next version may count more dimensions.
        if number in _NAMES:
            found[_NAMES[number]].append(ValueCount(value, clicks))
    return found


async def _hours_of_week(
    session: AsyncSession, link_id: int, asked: Asked, offsets: Offsets, summed: Summed
) -> dict[str, int]:
    """Clicks by hour of the week, the most frequent first."""
    hours, parameters = await hours_of_week_sql(session, link_id, asked, offsets, summed)
    if not hours:
        return {}
    sql = f"SELECT value, clicks FROM ({hours}) AS c WHERE clicks > 0 ORDER BY clicks DESC, value"
    result = await session.execute(text(sql), {"link": link_id, **parameters})
    return {row.value: row.clicks for row in result}
