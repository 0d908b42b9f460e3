"""The list of links as a file."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from shortener.access.memberships import readable
from shortener.access.routes import CallerDep
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import PageRoute
from shortener.dashboard.search import read_search
from shortener.http.pagination import Order
from shortener.links.choices import Sort
from shortener.links.export import Format, export
from shortener.parts import parts_of
from shortener.stores.parts import DATABASE

router = APIRouter(prefix="/-", route_class=PageRoute, include_in_schema=False)


@router.get("/export")
async def export_list(
    request: Request,
    caller: CallerDep,
    visitor: VisitorDep,
    q: Annotated[str, Query(max_length=400)] = "",
    sort: Sort = Sort.CREATED_AT,
    order: Order = Order.DESC,
    format: Literal[Format.CSV, Format.JSONL] = Format.CSV,  # noqa: A002
) -> Response:
    """All links that the list shows, in its order."""
    async with parts_of(request)[DATABASE].driver_connection() as connection:
        workspace = await readable(connection, caller, visitor.place)
    return await export(request, workspace, read_search(q).asked, sort, order, format)
