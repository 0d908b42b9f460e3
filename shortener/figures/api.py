"""/api/v1/links/{code}/stats"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from shortener.access.routes import ApiRoute, needs
from shortener.access.scopes import Scope
from shortener.figures.answers import Value, dimension_answer, stats_answer
from shortener.figures.asked import InvalidSpan
from shortener.figures.dimensions import DimensionName
from shortener.figures.query import AskedDep
from shortener.figures.schemas import DimensionPage, StatsOut
from shortener.figures.subjects import LinkId
from shortener.figures.tag import TAG
from shortener.http.openapi import errors
from shortener.http.pagination import InvalidCursor, Limit, PageCursor, Search
from shortener.redirect.errors import LinkNotFound
from shortener.stores.sessions import Reader

router = APIRouter(prefix="/api/v1/links/{code}/stats", tags=[TAG], route_class=ApiRoute)


@router.get(
    "",
    response_model=StatsOut,
    responses=errors(LinkNotFound, InvalidSpan),
    dependencies=[needs(Scope.STATS_READ)],
)
async def get_stats(link_id: LinkId, asked: AskedDep, session: Reader) -> Response:
    """Figures of a link: people, unique visitors and bots separately, over time and by origin. The series has at most
    2,500 intervals: 104 days by hour, or six years by day."""
    return await stats_answer(session, link_id, asked)


@router.get(
    "/{dimension}",
    response_model=DimensionPage,
    responses=errors(LinkNotFound, InvalidSpan, InvalidCursor),
    dependencies=[needs(Scope.STATS_READ)],
)
async def get_dimension(
    link_id: LinkId,
    dimension: DimensionName,
    asked: AskedDep,
    request: Request,
    session: Reader,
    value: Value = None,
    q: Annotated[Search, Query(description="Part of the value.")] = None,
    limit: Limit = 50,
    cursor: PageCursor = None,
) -> Response:
    """All values of one dimension, the most frequent first; or the series of one value."""
    return await dimension_answer(request, session, link_id, asked, dimension, value, q=q, limit=limit, cursor=cursor)
