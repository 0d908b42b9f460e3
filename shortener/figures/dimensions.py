"""All values of one dimension, by pages, and the series of one of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Text, column, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.clicks.models import DIMENSIONS
from shortener.event_loop.slices import gathered
from shortener.figures.asked import Asked
from shortener.figures.hours_of_week import hours_of_week_sql
from shortener.figures.reads import (
    COUNTED_VALUES,
    DEVICES,
    SERIES,
    STARTS,
    breakdown_reads,
    counted,
    seconds,
    union,
)
from shortener.figures.rollups import complete_spans
from shortener.figures.spans import QUARTER_GRAINS, Grain, Interval, Span, breakdown_span, breakdown_spans, split
from shortener.figures.stats import whole_today
from shortener.http.pagination import Page, like_pattern, read_page

_NO_VALUES = "SELECT NULL::text AS value, 0::bigint AS clicks"
_HOUR = "to_char(middle AT TIME ZONE :zone, 'dy HH24')"


class DimensionName(StrEnum):
    """The dimensions as the API names them."""

    REFERRERS = "referrers"
    COUNTRIES = "countries"
    CITIES = "cities"
    BROWSERS = "browsers"
    SYSTEMS = "systems"
    DEVICES = "devices"
    LANGUAGES = "languages"
    RULES = "rules"
    VARIANTS = "variants"
    UTM_SOURCES = "utm_sources"
    UTM_MEDIUMS = "utm_mediums"
    UTM_CAMPAIGNS = "utm_campaigns"
    SOURCES = "sources"
    HOURS_OF_WEEK = "hours_of_week"


class Point(NamedTuple):
    """`start` is in the requested time zone."""

    start: datetime
    clicks: int


async def read_values(
    session: AsyncSession,
    link_id: int,
    asked: Asked,
    name: DimensionName,
    *,
    q: str | None = None,
    limit: int,
    cursor: str | None,
) -> Page:
    """Rows of a value and its clicks, the most frequent first, and the number of values. Raises InvalidCursor."""
    sql, parameters = await _counted_values(session, link_id, asked, name)
    if q:
        sql += " AND value ILIKE :pattern"
        parameters["pattern"] = like_pattern(q)
    values = text(sql).bindparams(**parameters).columns(column("value", Text), column("clicks", BigInteger)).subquery()
    return await read_page(
        session,
        select(values.c.value, values.c.clicks),
        [(-values.c.clicks, int), (values.c.value, str)],
        descending=False,
        name=f"{name}:{link_id}",
        limit=limit,
        cursor=cursor,
        is_counted=True,
    )


async def clicks_of(
    session: AsyncSession, link_id: int, asked: Asked, name: DimensionName, values: Sequence[str]
) -> dict[str, int]:
    """The clicks of each of these values that has some."""
    sql, parameters = await _counted_values(session, link_id, asked, name)
    result = await session.execute(text(f"{sql} AND value = ANY(:values)"), {**parameters, "values": list(values)})
    return {row.value: row.clicks for row in result}


async def _counted_values(
    session: AsyncSession, link_id: int, asked: Asked, name: DimensionName
) -> tuple[str, dict[str, Any]]:
    end = whole_today(asked)
    if name is DimensionName.HOURS_OF_WEEK:
        values, parameters = await hours_of_week_sql(session, link_id, asked._replace(end=end))
        condition = "clicks > 0"
    else:
        number = DIMENSIONS[name].number
        only = f"dimension IN ({number}, {DEVICES})"
        start, end = breakdown_span(link_id, asked.start, end)
        complete = (await complete_spans(session, link_id, start, end)).spans
        rows_of, parameters = union(breakdown_spans(start, end, complete), breakdown_reads(only))
        values = rows_of and COUNTED_VALUES.format(counted=counted(asked.bots), union=rows_of)
        condition = f"clicks > 0 AND dimension = {number}"
    if not values:
        return f"SELECT value, clicks FROM ({_NO_VALUES}) AS c WHERE clicks > 0", {}
    return f"SELECT value, clicks FROM ({values}) AS c WHERE {condition}", {"link": link_id, **parameters}


async def value_series(
    session: AsyncSession, link_id: int, asked: Asked, name: DimensionName, value: str
) -> list[Point]:
    """Clicks of one value over time, without gaps. Hours are the finest: in a zone that is not whole hours from UTC, an
    hour counts where it begins. Raises InvalidSpan."""
    starts = await asked.starts()
    asked = asked._replace(end=whole_today(asked))
    if name is DimensionName.HOURS_OF_WEEK:
        rows_of, parameters = union(split(asked.start, asked.end, QUARTER_GRAINS), SERIES)
        rows_of = rows_of and f"SELECT middle AS start, clicks, bots FROM ({rows_of}) AS m WHERE {_HOUR} = :value"
        parameters["zone"] = asked.zone.key
    else:
        rows_of, parameters = await _rows_of_value(session, link_id, asked, name, value, starts)
    clicks: dict[int, int] = {}
    if rows_of:
        parameters |= {"link": link_id, "value": value, "starts": await seconds(starts)}
        sql = (
            f"SELECT greatest(width_bucket(start, {STARTS}), 1) AS bucket, "
            f"sum({counted(asked.bots)})::bigint AS clicks FROM ({rows_of}) AS u GROUP BY 1"
        )
        result = await session.execute(text(sql), parameters)
        clicks = {row.bucket: row.clicks for row in result}
    zone = asked.zone
    return await gathered(Point(moment.astimezone(zone), clicks.get(n, 0)) for n, moment in enumerate(starts, 1))


async def _rows_of_value(
    session: AsyncSession, link_id: int, asked: Asked, name: DimensionName, value: str, starts: list[datetime]
) -> tuple[str, dict[str, Any]]:
    number, _, implied = DIMENSIONS[name]
    only = f"dimension = {number} AND value = :value"
    if value == implied:
        # They are what the stored values leave of all clicks.
        only = f"dimension IN ({number}, {DEVICES}) AND :value = '{implied}'"
    start, end = breakdown_span(link_id, asked.start, asked.end)
    complete = (await complete_spans(session, link_id, start, end)).spans
    fitting = (span for span in complete if _fits(span, asked.interval, starts))
    rows_of, parameters = union(breakdown_spans(start, end, fitting), breakdown_reads(only))
    if value == implied and rows_of:
        factor = f"CASE dimension WHEN {DEVICES} THEN 1 ELSE -1 END"
        rows_of = f"SELECT start, {factor} * clicks AS clicks, {factor} * bots AS bots FROM ({rows_of}) AS r"
    return rows_of, parameters


def _fits(span: Span, interval: Interval, starts: list[datetime]) -> bool:
    """Whether no bucket begins within what is counted as a whole."""
    if interval is Interval.HOUR or any(moment.astimezone(UTC).hour or moment.minute for moment in starts[1:]):
        return False
    return span.grain is Grain.DAY or interval is Interval.MONTH
