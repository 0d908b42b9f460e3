"""/api/v1/admin/audit"""

from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request

from shortener.access.routes import ApiRoute, needs_admin
from shortener.audit.listing import Wanted, list_entries
from shortener.audit.schemas import AuditEntryOut, AuditPage
from shortener.audit.trail import Action
from shortener.http.moments import Moment, local_midnight
from shortener.http.openapi import errors
from shortener.http.pagination import Limit, PageCursor, path_at
from shortener.stores.database import Reader

router = APIRouter(prefix="/admin/audit", tags=["administration"], route_class=ApiRoute, dependencies=[needs_admin])

Subject = Annotated[str | None, Query(max_length=200, pattern=r"^[!-~]+$", examples=["user:7"])]

_UTC = ZoneInfo("UTC")


def _moment(value: date | None, days: int) -> datetime | None:
    """A plain date is the midnight of UTC that begins it, or comes so many days later."""
    if value is None or isinstance(value, datetime):
        return value
    return local_midnight(value + timedelta(days=days), _UTC)


@router.get("", responses=errors(400, 401, 403, 422, 429, 503))
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
) -> AuditPage:
    """Who did what to what, the newest first."""
    wanted = Wanted(actor, action, target, _moment(since, 0), _moment(until, 1))
    page = await list_entries(session, wanted, limit, cursor)
    items = [AuditEntryOut.model_validate(row[0], from_attributes=True) for row in page.rows]
    return AuditPage(items=items, next=path_at(request, page.next_cursor))
