"""Figures of a link, read from counts. Single clicks are read only for what a span cuts out of a quarter or an hour."""

from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.clicks.spans import Grain, Interval, Span, breakdown_spans, bucket_starts, end_of_day, series_spans
from shortener.clicks.writer import DIMENSIONS

TOP = 10

_SERIES_TABLE = {Grain.QUARTER: "click_counts_15min", Grain.DAY: "click_counts_daily"}
_BREAKDOWN_TABLE = {Grain.HOUR: "click_breakdown_hourly", Grain.DAY: "click_breakdown_daily"}

_FROM_COUNTS = (
    "SELECT start, clicks, visitors, bots FROM {table} WHERE link_id = :link AND start >= :s{n} AND start < :e{n}"
)
_FROM_CLICKS = (
    "SELECT at AS start, (bot IS NULL)::int AS clicks, is_new_visitor::int AS visitors, (bot IS NOT NULL)::int AS bots "
    "FROM clicks WHERE link_id = :link AND at >= :s{n} AND at < :e{n}"
)
_VALUES_FROM_COUNTS = (
    "SELECT dimension, value, clicks, bots FROM {table} WHERE link_id = :link AND start >= :s{n} AND start < :e{n}"
)
_VALUES_FROM_CLICKS = (
    "SELECT v.dimension, v.value, (c.bot IS NULL)::int AS clicks, (c.bot IS NOT NULL)::int AS bots "
    "FROM clicks c CROSS JOIN LATERAL (VALUES "
    "(1, c.referrer_host), (2, c.country), (3, c.browser), (4, c.system), (5, c.device)) AS v (dimension, value) "
    "WHERE c.link_id = :link AND c.at >= :s{n} AND c.at < :e{n}"
)


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


def _union(spans: list[Span], tables: dict[Grain, str], counted: str, single: str) -> tuple[str, dict[str, Any]]:
    parts: list[str] = []
    parameters: dict[str, Any] = {}
    for n, span in enumerate(spans):
        sql = single if span.grain is Grain.CLICK else counted
        parts.append(sql.format(n=n, table=tables.get(span.grain, "")))
        parameters |= {f"s{n}": span.start, f"e{n}": span.end}
    return " UNION ALL ".join(parts), parameters


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
    starts = bucket_starts(start, end, interval, zone)
    if end >= now:
        # Nothing lies in the future: to its end, today's count says the same as the single clicks up to now.
        end = end_of_day(end)
    series = await _series(session, link_id, start, end, starts, zone)
    breakdowns = await _breakdowns(session, link_id, start, end, bots=bots)
    return Figures(
        clicks=sum(bucket.clicks for bucket in series),
        visitors=sum(bucket.visitors for bucket in series),
        bots=sum(bucket.bots for bucket in series),
        series=series,
        breakdowns=breakdowns,
    )


async def _series(
    session: AsyncSession, link_id: int, start: datetime, end: datetime, starts: list[datetime], zone: ZoneInfo
) -> list[Bucket]:
    union, parameters = _union(series_spans(starts, start, end), _SERIES_TABLE, _FROM_COUNTS, _FROM_CLICKS)
    rows: dict[int, tuple[int, int, int]] = {}
    if union:
        sql = (
            "SELECT greatest(width_bucket(start, CAST(:starts AS timestamptz[])), 1) AS bucket, "
            f"sum(clicks)::bigint, sum(visitors)::bigint, sum(bots)::bigint FROM ({union}) AS u GROUP BY 1"
        )
        result = await session.execute(text(sql), {"link": link_id, "starts": starts, **parameters})
        rows = {bucket: (clicks, visitors, bots) for bucket, clicks, visitors, bots in result}
    return [Bucket(moment.astimezone(zone), *rows.get(n, (0, 0, 0))) for n, moment in enumerate(starts, 1)]


async def _breakdowns(
    session: AsyncSession, link_id: int, start: datetime, end: datetime, *, bots: bool
) -> dict[str, list[ValueCount]]:
    union, parameters = _union(breakdown_spans(start, end), _BREAKDOWN_TABLE, _VALUES_FROM_COUNTS, _VALUES_FROM_CLICKS)
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
    names = {number: name for name, number in DIMENSIONS.items()}
    result = await session.execute(text(sql), {"link": link_id, "top": TOP, **parameters})
    for dimension, value, clicks in result:
        found[names[dimension]].append(ValueCount(value, clicks))
    return found
