"""All values of one panel of figures: searched, by pages, as a file; countries on a map."""

from collections.abc import Awaitable, Callable
from typing import Annotated, NamedTuple
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.routes import CallerDep
from shortener.dashboard.asked_figures import AskedFigures, read_asked, span_title
from shortener.dashboard.page import redirect, render, speak_to
from shortener.dashboard.panels import FILTERS, bars_of, panel_title
from shortener.dashboard.reader import Visitor, VisitorDep
from shortener.dashboard.routes import PageRoute, PersonRoute
from shortener.dashboard.templates import name_of, query, short_of
from shortener.dashboard.world import HEIGHT, WIDTH, shaded
from shortener.domains.api import Domains, GroupOfDomain, HostPath
from shortener.event_loop.slices import gathered
from shortener.figures.dimensions import DimensionName, clicks_of, read_values
from shortener.figures.groups_api import group_of_tag
from shortener.figures.stats import ValueCount
from shortener.http.csv_lines import CSV, csv_line
from shortener.http.downloads import download, page_by_page
from shortener.http.pagination import InvalidCursor, Page
from shortener.links.routes import ExistingCode, Links, link_out
from shortener.parts import parts_of
from shortener.stores.parts import DATABASE
from shortener.stores.sessions import Reader, Writer
from shortener.tags import service as tags
from shortener.tags.api import TagPath

router = APIRouter(prefix="/-/links/{code}/values", route_class=PageRoute, include_in_schema=False)
tag_router = APIRouter(prefix="/-/tags/{tag}/values", route_class=PageRoute, include_in_schema=False)
domain_router = APIRouter(prefix="/-/domains/{host}/values", route_class=PersonRoute, include_in_schema=False)

_ROWS_A_READ = 250
# More than there are countries.
_ALL_COUNTRIES = 300

_Search = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
_Cursor = Annotated[str, Query(max_length=2000)]


class _Subject(NamedTuple):
    """A link, tag or domain, and its page."""

    number: int
    title: str
    path: str
    asked: AskedFigures
    has_clicks: bool


async def _of_link(code: ExistingCode, request: Request, session: Writer, caller: CallerDep, links: Links) -> _Subject:
    link, clicks = await links.get(session, caller, code)
    shown = link_out(request, link, clicks)
    title, asked = shown.title or short_of(shown), read_asked(request, link.created_at)
    return _Subject(link.id, title, f"/-/links/{name_of(shown)}", asked, has_clicks=True)


async def _of_tag(
    tag: TagPath, request: Request, session: Writer, replica: Reader, caller: CallerDep, visitor: VisitorDep
) -> _Subject:
    found = (await tags.get(session, caller, visitor.place, tag)).tag
    group = await group_of_tag(request, replica, caller, tag, visitor.place)
    asked = read_asked(request, found.created_at).in_quarters()
    return _Subject(group, found.name, f"/-/tags/{quote(found.name, safe='')}", asked, has_clicks=False)


async def _of_domain(
    host: HostPath, group: GroupOfDomain, request: Request, session: Writer, caller: CallerDep, domains: Domains
) -> _Subject:
    domain = await domains.get(session, caller, host)
    asked = read_asked(request, domain.created_at).in_quarters()
    return _Subject(group, domain.host, f"/-/domains/{domain.host}", asked, has_clicks=False)


def _add_routes(router: APIRouter, find: Callable[..., Awaitable[_Subject]]) -> None:
    """`find` is a dependency."""
    subject_dep = Annotated[_Subject, Depends(find)]

    async def values(
        subject: subject_dep,
        dimension: DimensionName,
        request: Request,
        session: Reader,
        visitor: VisitorDep,
        q: _Search = "",
        cursor: _Cursor = "",
    ) -> Response:
        return await _page(request, session, visitor, subject, dimension, q, cursor)

    async def file(
        subject: subject_dep,
        dimension: DimensionName,
        request: Request,
    ) -> Response:
        async def read(session: AsyncSession, cursor: str | None) -> Page:
            asked = subject.asked.asked
            return await read_values(session, subject.number, asked, dimension, limit=_ROWS_A_READ, cursor=cursor)

        head = csv_line([FILTERS.get(dimension, dimension), "clicks"])
        pieces = page_by_page(parts_of(request)[DATABASE], read, lambda row: csv_line([row.value, row.clicks]), head)
        return await download(pieces, CSV, f"{dimension}.csv")

    router.add_api_route("/{dimension}", values, methods=["GET"])
    router.add_api_route("/{dimension}", values, methods=["HEAD"])
    router.add_api_route("/{dimension}/file.csv", file)


_add_routes(router, _of_link)
_add_routes(tag_router, _of_tag)
_add_routes(domain_router, _of_domain)


async def _page(
    request: Request,
    session: AsyncSession,
    visitor: Visitor,
    subject: _Subject,
    dimension: DimensionName,
    q: str,
    cursor: str,
) -> Response:
    here, number, wanted = f"{subject.path}/values/{dimension}", subject.number, subject.asked
    asked, rows = wanted.asked, speak_to(request).rows
    try:
        page = await read_values(session, number, asked, dimension, q=q or None, limit=rows, cursor=cursor or None)
    except InvalidCursor:
        return redirect(f"{here}{query(wanted.kept, q=q)}")
    counts = [ValueCount(row.value, row.clicks) for row in page.rows]
    earlier = None
    if wanted.earlier is not None:
        earlier = await clicks_of(session, number, wanted.earlier, dimension, [each.value for each in counts])
    most = await read_values(session, number, asked, dimension, limit=1, cursor=None)
    largest = most.rows[0].clicks if most.rows else 0
    values = {
        "visitor": visitor,
        "title": subject.title,
        "above": subject.path,
        "has_clicks": subject.has_clicks,
        "here": here,
        "panel": panel_title(dimension),
        "bars": bars_of(dimension, counts, earlier, None, largest),
        "total": page.total,
        "next": page.next_cursor,
        "previous": page.previous_cursor,
        "q": q,
        "asked": wanted.kept,
        "span_title": span_title(wanted.span) if wanted.span else "",
        "days": wanted.days,
        "compare": wanted.compare,
        "filter_query": lambda value: urlencode(value | wanted.of_clicks),
        "map": None,
    }
    if dimension is DimensionName.COUNTRIES and not q:
        everywhere = await read_values(session, number, asked, dimension, limit=_ALL_COUNTRIES, cursor=None)
        clicks = {row.value: row.clicks for row in everywhere.rows}
        values |= {"map": await gathered(shaded(clicks)), "map_size": (WIDTH, HEIGHT)}
    return render(request, "values.html", values)
