"""/api/v1/admin/audit"""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from shortener.access.routes import ADMINISTRATION, ApiRoute, needs_admin
from shortener.audit.export import audit_file
from shortener.audit.listing import AuditFilter, list_entries
from shortener.audit.schemas import AuditEntryOut, AuditPage
from shortener.audit.trail import Action, link_subject
from shortener.event_loop.slices import gathered
from shortener.http.moments import Moment, local_midnight
from shortener.http.openapi import errors
from shortener.http.pagination import InvalidCursor, Limit, PageCursor, path_at
from shortener.http.pieces import answer_of, json_list
from shortener.parts import parts_of
from shortener.stores.parts import DATABASE
from shortener.stores.sessions import Reader

router = APIRouter(
    prefix="/api/v1/admin/audit", tags=[ADMINISTRATION], route_class=ApiRoute, dependencies=[needs_admin]
)

Subject = Annotated[str | None, Query(max_length=200, pattern=r"^[!-~]+$", examples=["user:7"])]

_UTC = ZoneInfo("UTC")


def _moment(value: date | None, days: int) -> datetime | None:
    """A plain date means its beginning in UTC, plus this many days."""
    if value is None or isinstance(value, datetime):
        return value
    return local_midnight(value + timedelta(days=days), _UTC)


@router.get(
    "",
    response_model=AuditPage,
    responses={**errors(InvalidCursor), 200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def get_audit_log(
    request: Request,
    session: Reader,
    limit: Limit = 50,
    cursor: PageCursor = None,
    actor: Subject = None,
    action: Action | None = None,
    target: Subject = None,
    since: Annotated[Moment | None, Query(alias="from", description="A date (UTC) or a moment.")] = None,
    until: Annotated[
        Moment | None, Query(alias="to", description="A date (UTC, included) or a moment (not included).")
    ] = None,
    form: Annotated[
        Literal["json", "csv"], Query(alias="format", description="`csv`: all entries in one file.")
    ] = "json",
) -> Response:
    """Who did what to what, newest first."""
    if target is not None and target.startswith(link_subject("")):
        target = parts_of(request).settings.stored_code(target)
    asked = AuditFilter(actor, action, target, _moment(since, 0), _moment(until, 1))
    if form == "csv":
        return await audit_file(parts_of(request)[DATABASE], asked)
    page = await list_entries(session, asked, limit, cursor)
    items = await gathered(
        AuditEntryOut.model_validate(row[0], from_attributes=True).model_dump_json().encode() for row in page.rows
    )
    return answer_of(json_list("items", items, {"next": path_at(request, page.next_cursor)}))
