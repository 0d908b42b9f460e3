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
from sqlalchemy import Row, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.accounts.access import ApiRoute, needs
from shortener.accounts.principals import Scope
from shortener.clicks.models import ClickRow
from shortener.clicks.schemas import BucketOut, ClickOut, ClickPage, Moment, StatsOut, ValueOut, read_span
from shortener.clicks.spans import Interval, TooManyBuckets
from shortener.clicks.stats import figures
from shortener.database import Database, Reader, Writer
from shortener.errors import Unprocessable
from shortener.links.api import AskerDep, ExistingCode
from shortener.links.service import LinkService
from shortener.openapi import errors
from shortener.pagination import Cursor, Limit, PageCursor, decode_cursor, encode_cursor, path_at

router = APIRouter(prefix="/links/{code}", tags=["figures"], route_class=ApiRoute)

_CURSOR_SORT = "clicks"
_CSV_ROWS_A_READ = 1000
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


@router.get("/stats", responses=errors(401, 403, 404, 422, 429, 503), dependencies=[needs(Scope.STATS_READ)])
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
) -> StatsOut:
    """Figures of a link: people, unique visitors and bots apart, over time and by where they came from."""
    now = datetime.now(UTC)
    start, end = read_span(since, until, interval, tz, now)
    if start >= end:
        raise InvalidSpan("The span is empty: `from` must lie before `to`.")
    try:
        found = await figures(session, link_id, start, end, interval, tz, bots=bots, now=now)
    except TooManyBuckets as error:
        raise InvalidSpan(f"The span has {error}.") from None
    breakdowns = {
        name: [ValueOut(value=value, clicks=clicks) for value, clicks in values]
        for name, values in found.breakdowns.items()
    }
    return StatsOut(
        clicks=found.clicks,
        visitors=found.visitors,
        bots=found.bots,
        series=[
            BucketOut(start=start, clicks=clicks, visitors=visitors, bots=bots)
            for start, clicks, visitors, bots in found.series
        ],
        **breakdowns,
    )


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
    place = None if cursor is None else decode_cursor(cursor, _CURSOR_SORT, (datetime, int))
    if format is Format.CSV:
        return _csv_response(request, link_id, place)
    rows = await _clicks(session, link_id, place, limit + 1)
    next_cursor = encode_cursor(_place_of(rows[limit - 1])) if len(rows) > limit else None
    return ClickPage(items=[_click_out(row) for row in rows[:limit]], next=path_at(request, next_cursor))


async def _clicks(session: AsyncSession, link_id: int, place: Cursor | None, limit: int) -> list[Row[Any]]:
    table = ClickRow.__table__.c
    statement = select(ClickRow.__table__).where(table.link_id == link_id)
    if place is not None:
        statement = statement.where(tuple_(table.at, table.id) < tuple_(*place.values))
    result = await session.execute(statement.order_by(table.at.desc(), table.id.desc()).limit(limit))
    return list(result.all())


def _place_of(row: Row[Any]) -> Cursor:
    return Cursor(_CURSOR_SORT, [row.at, row.id])


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


def _csv_response(request: Request, link_id: int, place: Cursor | None) -> Response:
    code = request.path_params["code"]
    return StreamingResponse(
        _csv_lines(request.app.state.database, link_id, place),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{code}-clicks.csv"'},
    )


async def _csv_lines(database: Database, link_id: int, place: Cursor | None) -> AsyncIterator[str]:
    """A page at a time, each in a session of its own: a slow reader holds no connection."""
    yield _csv_line(list(ClickOut.model_fields))
    while True:
        async with database.replica_session() as session:
            rows = await _clicks(session, link_id, place, _CSV_ROWS_A_READ)
        yield "".join(_csv_line(list(_click_out(row).model_dump(mode="json").values())) for row in rows)
        if len(rows) < _CSV_ROWS_A_READ:
            return
        place = _place_of(rows[-1])


def _csv_line(values: list[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([_harmless(value) for value in values])
    return buffer.getvalue()


def _harmless(value: Any) -> Any:
    """A referrer or browser name that a spreadsheet would run as a formula is quoted as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
