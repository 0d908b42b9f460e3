"""/api/v1/admin/misses"""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from shortener.access.routes import ADMINISTRATION, ApiRoute, needs_admin
from shortener.http.openapi import errors
from shortener.http.pagination import InvalidCursor, Limit, PageCursor, path_at
from shortener.misses.batch import Kind
from shortener.misses.listing import Wanted, list_paths, list_singles
from shortener.misses.schemas import MissOut, MissPage, MissPathOut, MissPathPage
from shortener.stores.sessions import Reader

router = APIRouter(
    prefix="/api/v1/admin/misses", tags=[ADMINISTRATION], route_class=ApiRoute, dependencies=[needs_admin]
)


async def _wanted(
    kind: Annotated[
        Kind | None, Query(description="`code`: no link has it. `root`: the bare host. `path`: any other path.")
    ] = None,
    since: Annotated[date | None, Query(alias="from", description="The first day, in UTC.")] = None,
    until: Annotated[date | None, Query(alias="to", description="The last day, in UTC.")] = None,
) -> Wanted:
    return Wanted(kind, since, until)


WantedDep = Annotated[Wanted, Depends(_wanted)]


@router.get("", responses=errors(InvalidCursor))
async def get_misses(
    request: Request, session: Reader, wanted: WantedDep, limit: Limit = 50, cursor: PageCursor = None
) -> MissPathPage:
    """What clients asked for and did not exist, the most frequent first. The most frequent paths of a day are counted
    one by one, all others in the totals."""
    page, totals = await list_paths(session, wanted, limit, cursor)
    return MissPathPage(
        total=totals.total,
        other=totals.other,
        items=[MissPathOut.model_validate(row, from_attributes=True) for row in page.rows],
        next=path_at(request, page.next_cursor),
        previous=path_at(request, page.previous_cursor),
    )


@router.get("/list", responses=errors(InvalidCursor))
async def get_single_misses(
    request: Request, session: Reader, wanted: WantedDep, limit: Limit = 50, cursor: PageCursor = None
) -> MissPage:
    """Single misses, newest first. Of a day with more than `SHORTENER_MISSES_SINGLES` it is a random sample."""
    page = await list_singles(session, wanted, limit, cursor)
    return MissPage(
        items=[MissOut.model_validate(row[0], from_attributes=True) for row in page.rows],
        next=path_at(request, page.next_cursor),
        previous=path_at(request, page.previous_cursor),
    )
