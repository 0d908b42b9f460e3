"""/api/v1/links/{code}/stats and /clicks"""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.principals import Scope
from shortener.access.routes import ApiRoute, needs
from shortener.clicks.models import ClickRow
from shortener.errors import Unprocessable
from shortener.event_loop.slices import gathered
from shortener.figures.schemas import ClickOut, ClickPage, StatsOut, read_span
from shortener.figures.spans import Interval, TooManyBuckets
from shortener.figures.stats import figures
from shortener.figures.stats_answer import stats_answer
from shortener.http.moments import Moment
from shortener.http.openapi import errors
from shortener.http.pagination import Limit, Page, PageCursor, path_at, read_page
from shortener.links.api import AskerDep, ExistingCode
from shortener.links.service import LinkService
from shortener.stores.database import Database, Reader, Writer

router = APIRouter(prefix="/links/{code}", tags=["figures"], route_class=ApiRoute)

_CURSOR_SORT = "clicks"
_CSV_ROWS_A_READ = 250
UTC_ZONE = ZoneInfo("UTC")


class InvalidSpan(Unprocessable):
    type, title = "invalid-span", "Invalid span"


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"


async def _link_id(
    code: ExistingCode,
    request: Request,
    session: Writer,
    asker: AskerDep,
) -> int:
    service: LinkService = request.app.state.links
    link, _ = await service.get(session, asker, code)
    return link.id


LinkId = Annotated[int, Depends(_link_id)]


@router.get(
    "/stats",
    response_model=StatsOut,
    responses=errors(401, 403, 404, 422, 429, 503),
    dependencies=[needs(Scope.STATS_READ)],
)
async def get_stats(
    link_id: LinkId,
    session: Reader,
    since: Annotated[
        Moment | None, Query(alias="from", description="A date or a moment. Default: 30 days, or 12 months, ago.")
    ] = None,
    until: Annotated[
        Moment | None, Query(alias="to", description="A date (included) or a moment (not included). Default: now.")
    ] = None,
    interval: Interval = Interval.DAY,
    tz: Annotated[ZoneInfo, Query(description="Time zone of the series.", examples=["Europe/Berlin"])] = UTC_ZONE,
    bots: Annotated[bool, Query(description="Count bots in the breakdowns too.")] = False,
) -> Response:
    """Figures of a link: people, unique visitors and bots apart, over time and by where they came from. The
    series has at most 2,500 intervals: 104 days by hour, or six years by day."""
    now = datetime.now(UTC)
    start, end = read_span(since, until, interval, tz, now)
    if start >= end:
        raise InvalidSpan("The span is empty: `from` must lie before `to`.")
    try:
        found = await figures(session, link_id, start, end, interval, tz, bots=bots, now=now)
    except TooManyBuckets as error:
        raise InvalidSpan(f"The span has {error}.") from None
    return Response(await stats_answer(found), media_type="application/json")


@router.get(
    "/clicks",
    response_model=ClickPage,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
        **errors(400, 401, 403, 404, 422, 429, 503),
    },
    dependencies=[needs(Scope.STATS_READ)],
)
async def get_clicks(
    link_id: LinkId,
    request: Request,
    session: Reader,
    limit: Limit = 50,
    cursor: PageCursor = None,
    format: Annotated[Format, Query(description="`csv` streams all clicks.")] = Format.JSON,  # noqa: A002
) -> Any:
    """Single clicks, newest first."""
    if format is Format.CSV:
        return await _csv_response(request, link_id, cursor)
    page = await _read_clicks(session, link_id, cursor, limit)
    return ClickPage(
        items=list(map(_click_out, page.rows)),
        next=path_at(request, page.next_cursor),
        previous=path_at(request, page.previous_cursor),
    )


async def _read_clicks(session: AsyncSession, link_id: int, cursor: str | None, limit: int) -> Page:
    table = ClickRow.__table__.c
    return await read_page(
        session,
        select(ClickRow.__table__).where(table.link_id == link_id),
        [(table.at, datetime), (table.id, int)],
        descending=True,
        name=_CURSOR_SORT,
        limit=limit,
        cursor=cursor,
        within=table.link_id,
    )


def _click_out(row: Row[Any]) -> ClickOut:
    return ClickOut(
        at=row.at,
        country=row.country,
        referrer=row.referrer,
        browser=row.browser,
        system=row.system,
        device=row.device,
        bot=row.bot,
        new_visitor=row.is_new_visitor,
    )


async def _csv_response(request: Request, link_id: int, cursor: str | None) -> Response:
    pages = _csv_pages(request.app.state.database, link_id, cursor)
    # What is wrong with the cursor or the database is said before the answer begins.
    first = await anext(pages)
    code = request.path_params["code"]
    return StreamingResponse(
        _after(first, pages),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{code}-clicks.csv"'},
    )


async def _csv_pages(database: Database, link_id: int, cursor: str | None) -> AsyncIterator[str]:
    """The header and the first page, then page by page, each in a session of its own: a slow reader holds no
    connection."""
    header = _csv_line(list(ClickOut.model_fields))
    while True:
        async with database.replica_session() as session:
            page = await _read_clicks(session, link_id, cursor, _CSV_ROWS_A_READ)
        lines = await gathered(_csv_line(list(_click_out(row).model_dump(mode="json").values())) for row in page.rows)
        yield header + "".join(lines)
        if page.next_cursor is None:
            return
        header, cursor = "", page.next_cursor


async def _after(first: str, others: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for each in others:
        yield each


def _csv_line(values: list[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([_harmless(value) for value in values])
    return buffer.getvalue()


def _harmless(value: Any) -> Any:
    """A referrer or browser name that a spreadsheet would run as a formula is quoted as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
