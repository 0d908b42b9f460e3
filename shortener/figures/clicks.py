"""/api/v1/links/{code}/clicks"""

from collections.abc import AsyncGenerator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.routes import ApiRoute, needs
from shortener.access.scopes import Scope
from shortener.clicks.models import DIMENSIONS, ClickRow
from shortener.event_loop.slices import gathered
from shortener.figures.asked import UTC_ZONE
from shortener.figures.schemas import ClickOut, ClickPage, end_of, start_of
from shortener.figures.subjects import LinkId
from shortener.figures.tag import TAG
from shortener.http.csv_lines import CSV, csv_line
from shortener.http.downloads import download
from shortener.http.moments import Moment
from shortener.http.openapi import errors
from shortener.http.pagination import InvalidCursor, Limit, Page, PageCursor, path_at, read_page
from shortener.parts import parts_of
from shortener.redirect.errors import LinkNotFound
from shortener.stores.database import Database
from shortener.stores.parts import DATABASE
from shortener.stores.sessions import Reader

clicks_router = APIRouter(prefix="/api/v1/links/{code}", tags=[TAG], route_class=ApiRoute)

_CURSOR_SORT = "clicks"
_CSV_ROWS_A_READ = 250
# Values that are implied, by column.
_IMPLIED = {dimension.column: dimension.implied for dimension in DIMENSIONS.values()}

# Parameters that are not compared with a column of the same name.
_OF_THEIR_OWN = {"tz", "hour_of_week", "referrer", "bot", "since", "until"}

Value = Annotated[str | None, Field(max_length=1024, pattern=r"^[^\x00]*$")]


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"


class ClickFilter(BaseModel):
    """Only clicks with these values, as the breakdowns name them."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    referrer: Annotated[Value, Field(description="The host, as in `referrers`; empty for none.")] = None
    country: Value = None
    city: Value = None
    browser: Value = None
    system: Value = None
    device: Value = None
    language: Value = None
    rule: Value = None
    variant: Value = None
    utm_source: Value = None
    utm_medium: Value = None
    utm_campaign: Value = None
    source: Value = None
    hour_of_week: Annotated[Value, Field(description="In the time zone `tz`, such as `mon 09`.")] = None
    bot: Annotated[bool | None, Field(description="Only bots, or only people.")] = None
    since: Annotated[Moment | None, Field(alias="from", description="A date or a moment.")] = None
    until: Annotated[Moment | None, Field(alias="to", description="A date (included) or a moment (not included).")] = (
        None
    )
    tz: ZoneInfo = UTC_ZONE

    def narrow(self, statement: Select[Any]) -> Select[Any]:
        table = ClickRow.__table__.c
        wanted = self.model_dump(exclude_none=True, exclude=_OF_THEIR_OWN)
        if self.referrer is not None:
            wanted["referrer_host"] = self.referrer
        for name, value in wanted.items():
            is_implied = value == _IMPLIED[name]
            statement = statement.where(table[name].is_(None) if is_implied else table[name] == value)
        if self.hour_of_week is not None:
            local = func.timezone(self.tz.key, table.at)
            statement = statement.where(func.to_char(local, "dy HH24") == self.hour_of_week)
        if self.bot is not None:
            statement = statement.where(table.bot.is_not(None) if self.bot else table.bot.is_(None))
        if self.since is not None:
            statement = statement.where(table.at >= start_of(self.since, self.tz))
        if self.until is not None:
            statement = statement.where(table.at < end_of(self.until, self.tz))
        return statement


async def _filter(wanted: Annotated[ClickFilter, Query()]) -> ClickFilter:
    return wanted


Filter = Annotated[ClickFilter, Depends(_filter)]


@clicks_router.get(
    "/clicks",
    response_model=ClickPage,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
        **errors(LinkNotFound, InvalidCursor),
    },
    dependencies=[needs(Scope.STATS_READ)],
)
async def get_clicks(
    link_id: LinkId,
    wanted: Filter,
    request: Request,
    session: Reader,
    limit: Limit = 50,
    cursor: PageCursor = None,
    format: Annotated[Format, Query(description="`csv` streams all clicks.")] = Format.JSON,  # noqa: A002
) -> Any:
    """Single clicks, newest first: all of them, or those with the given values."""
    clicks = clicks_of_link(link_id, wanted)
    if format is Format.CSV:
        return await csv_of(request, clicks, cursor, request.path_params["code"])
    page = await read_clicks(session, clicks, cursor, limit)
    return ClickPage(
        items=list(map(click_out, page.rows)),
        next=path_at(request, page.next_cursor),
        previous=path_at(request, page.previous_cursor),
    )


def clicks_of_link(link_id: int, wanted: ClickFilter) -> Select[Any]:
    return wanted.narrow(select(ClickRow.__table__).where(ClickRow.__table__.c.link_id == link_id))


async def read_clicks(session: AsyncSession, clicks: Select[Any], cursor: str | None, limit: int) -> Page:
    table = ClickRow.__table__.c
    return await read_page(
        session,
        clicks,
        [(table.at, datetime), (table.id, int)],
        descending=True,
        name=_CURSOR_SORT,
        limit=limit,
        cursor=cursor,
        within=table.link_id,
    )


def click_out(row: Row[Any]) -> ClickOut:
    return ClickOut(
        at=row.at,
        country=row.country,
        referrer=row.referrer,
        browser=row.browser,
        system=row.system,
        device=row.device,
        bot=row.bot,
        new_visitor=row.is_new_visitor,
        rule=row.rule,
        variant=row.variant,
        city=row.city or "",
        language=row.language or "",
        utm_source=row.utm_source,
        utm_medium=row.utm_medium,
        utm_campaign=row.utm_campaign,
        source=row.source or "link",
    )


async def csv_of(request: Request, clicks: Select[Any], cursor: str | None, name: str) -> Response:
    """All these clicks as a file. Raises InvalidCursor."""
    return await download(_csv_pages(parts_of(request)[DATABASE], clicks, cursor), CSV, f"{name}-clicks.csv")


async def _csv_pages(database: Database, clicks: Select[Any], cursor: str | None) -> AsyncGenerator[str, None]:
    """The header and the first page, then page by page, each in a new session, so that a slow reader holds no
    connection."""
    header = csv_line(list(ClickOut.model_fields))
    while True:
        async with database.replica_session() as session:
            page = await read_clicks(session, clicks, cursor, _CSV_ROWS_A_READ)
        lines = await gathered(csv_line(list(click_out(row).model_dump(mode="json").values())) for row in page.rows)
        yield header + "".join(lines)
        if page.next_cursor is None:
            return
        header, cursor = "", page.next_cursor
