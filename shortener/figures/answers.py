"""Answers with figures, in the form of the schemas, but without models: one per bucket would take most of the time."""

from typing import Annotated, Any

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.event_loop.slices import gathered
from shortener.figures.asked import Asked
from shortener.figures.dimensions import DimensionName, Point, clicks_of, read_values, value_series
from shortener.figures.documents import stats_document, written
from shortener.http.pagination import beside_items

Value = Annotated[
    str | None,
    Query(max_length=1024, pattern=r"^[^\x00]*$", description="One value: the answer has its clicks and its series."),
]


async def stats_answer(session: AsyncSession, subject: int, asked: Asked, **more: Any) -> Response:
    """Figures in the form of `StatsOut`, and more members. Raises InvalidSpan."""
    return _answer(await stats_document(session, subject, asked) | more)


async def dimension_answer(
    request: Request,
    session: AsyncSession,
    subject: int,
    asked: Asked,
    dimension: DimensionName,
    value: str | None,
    *,
    q: str | None,
    limit: int,
    cursor: str | None,
) -> Response:
    """A page in the form of `DimensionPage`. Raises InvalidSpan, InvalidCursor."""
    if value is not None:
        return _answer(await _one_value(session, subject, asked, dimension, value))
    page = await read_values(session, subject, asked, dimension, q=q, limit=limit, cursor=cursor)
    items = [{"value": row.value, "clicks": row.clicks, "before": None} for row in page.rows]
    if asked.is_compared:
        values = [row.value for row in page.rows]
        clicks = await clicks_of(session, subject, asked.before(), dimension, values)
        for item in items:
            item["before"] = clicks.get(item["value"], 0)
    return _answer({"items": items, "series": None, "series_before": None, **beside_items(request, page)})


async def _one_value(
    session: AsyncSession, subject: int, asked: Asked, dimension: DimensionName, value: str
) -> dict[str, Any]:
    series = await value_series(session, subject, asked, dimension, value)
    before = await value_series(session, subject, asked.before(), dimension, value) if asked.is_compared else None
    clicks_before = None if before is None else sum(point.clicks for point in before)
    return {
        "items": [{"value": value, "clicks": sum(point.clicks for point in series), "before": clicks_before}],
        "series": await _points(series),
        "series_before": None if before is None else await _points(before),
        "total": 1,
        "next": None,
        "previous": None,
    }


async def _points(series: list[Point]) -> list[dict[str, Any]]:
    return await gathered(point._asdict() for point in series)


def _answer(members: dict[str, Any]) -> Response:
    return Response(written(members), media_type="application/json")
