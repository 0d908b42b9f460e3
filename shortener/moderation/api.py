"""/api/v1/reports, /api/v1/admin/bans and /api/v1/admin/reports"""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import status as http

from shortener.access.routes import ApiRoute, LoginRoute, needs_admin
from shortener.errors import InvalidField
from shortener.event_loop.slices import gathered
from shortener.http.openapi import errors
from shortener.http.pagination import Limit, PageCursor, beside_items
from shortener.http.pieces import answer_of, json_list
from shortener.moderation.administration import AdminId, Id
from shortener.moderation.bans import BanService
from shortener.moderation.models import Ban, Kind
from shortener.moderation.reports import Reason, Resolution, code_of, list_cases, report_link, reports_of, resolve
from shortener.moderation.schemas import (
    BanCreate,
    BanOut,
    BanPage,
    ReportAccepted,
    ReportCasePage,
    ReportCreate,
    ReportResolution,
)
from shortener.screening.destinations import own_hosts
from shortener.stores.database import Writer

reports_router = APIRouter(prefix="/reports", tags=["abuse"], route_class=LoginRoute)
admin_router = APIRouter(prefix="/admin", tags=["administration"], route_class=ApiRoute, dependencies=[needs_admin])


class NotOurUrl(InvalidField):
    type, title = "not-our-url", "Not our URL"

    def __init__(self, reason: str) -> None:
        super().__init__("/short_url", reason)


async def _ban_service(request: Request) -> BanService:
    service: BanService = request.app.state.bans
    return service


Bans = Annotated[BanService, Depends(_ban_service)]


@reports_router.post("", status_code=http.HTTP_202_ACCEPTED, responses=errors(400, 401, 403, 413, 422, 429, 503))
async def create_report(body: ReportCreate, request: Request, session: Writer) -> ReportAccepted:
    """Report a link. Anybody can; the answer is the same whether or not there is such a link."""
    code = body.code
    if code is None:
        settings = request.app.state.settings
        try:
            code = code_of(body.short_url or "", own_hosts(settings.base_url, settings.port))
        except ValueError as error:
            raise NotOurUrl(str(error)) from None
    await report_link(session, code, Reason(body.reason), body.comment or None)
    return ReportAccepted()


def _ban_out(row: Any) -> BanOut:
    ban: Ban = row[0]
    return BanOut(
        id=ban.id,
        kind=Kind(ban.kind),
        value=ban.value,
        reason=ban.reason,
        created_at=ban.created_at,
        created_by=row.created_by_email,
        lifted_at=ban.lifted_at,
        lifted_by=row.lifted_by_email,
    )


@admin_router.post(
    "/bans", status_code=http.HTTP_201_CREATED, responses=errors(400, 401, 403, 404, 409, 413, 422, 429, 503)
)
async def create_ban(body: BanCreate, request: Request, session: Writer, bans: Bans, admin_id: AdminId) -> BanOut:
    """Ban a link, a host with its subdomains, a user, or clients. Every process follows within a second. Banned links,
    and links to a banned host, answer 410. A banned user's logins and keys no longer work, and their links are banned.
    Banned clients get 403 from the API."""
    address = request.app.state.proxies.client_of(request.scope)
    ban = await bans.ban(session, body.kind, body.value, body.reason, admin_id, address, body.force)
    return _ban_out(await bans.get(session, ban.id))


@admin_router.get("/bans", responses=errors(400, 401, 403, 422, 429, 503))
async def get_bans(
    request: Request,
    session: Writer,
    bans: Bans,
    kind: Kind | None = None,
    lifted: Annotated[bool, Query(description="Those that were lifted, in place of those that hold.")] = False,
    limit: Limit = 20,
    cursor: PageCursor = None,
) -> BanPage:
    """Bans, the newest first."""
    page = await bans.list_bans(session, kind, lifted, limit, cursor)
    return BanPage(items=[_ban_out(row) for row in page.rows], **beside_items(request, page))


@admin_router.get("/bans/{ban_id}", responses=errors(401, 403, 404, 422, 429, 503))
async def get_ban(ban_id: Id, session: Writer, bans: Bans) -> BanOut:
    """One ban."""
    return _ban_out(await bans.get(session, ban_id))


@admin_router.delete(
    "/bans/{ban_id}", status_code=http.HTTP_204_NO_CONTENT, responses=errors(401, 403, 404, 422, 429, 503)
)
async def lift_ban(ban_id: Id, session: Writer, bans: Bans, admin_id: AdminId) -> None:
    """Lift a ban; it stays in the list of those that were. A user is enabled again, with the links that this ban took
    down."""
    await bans.lift(session, ban_id, admin_id)


def _case(row: Any, said: bytes) -> bytes:
    """JSON of a `ReportCaseOut`."""
    case, link = row[0], row[1]
    members = {
        "id": case.id,
        "code": link.code,
        "url": link.url,
        "banned": link.ban_id is not None,
        "reports": case.reports,
        "opened_at": case.opened_at,
        "last_at": case.last_at,
        "said": orjson.Fragment(said),
        "resolved_at": case.resolved_at,
        "resolved_by": row.resolved_by_email,
        "resolution": case.resolution,
    }
    return orjson.dumps(members, option=orjson.OPT_UTC_Z)


@admin_router.get("/reports", response_model=ReportCasePage, responses=errors(400, 401, 403, 422, 429, 503))
async def get_reports(
    request: Request,
    session: Writer,
    resolved: Annotated[bool, Query(description="Those that were resolved, in place of the queue.")] = False,
    limit: Limit = 20,
    cursor: PageCursor = None,
) -> Response:
    """Links that were reported, each with its count and what was said, the newest first."""
    page = await list_cases(session, resolved, limit, cursor)
    said = await reports_of(session, [row[0].id for row in page.rows])
    cases = await gathered(_case(row, said.get(row[0].id, b"[]")) for row in page.rows)
    return answer_of(json_list("items", cases, beside_items(request, page)))


@admin_router.post(
    "/reports/{report_id}/resolve",
    status_code=http.HTTP_204_NO_CONTENT,
    responses=errors(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def resolve_report(
    report_id: Id, body: ReportResolution, request: Request, session: Writer, admin_id: AdminId
) -> None:
    """Dismiss what was reported of a link, or ban the link. Further reports open a new entry in the queue."""
    code = await resolve(session, report_id, Resolution(body.resolution), body.reason, admin_id)
    if code is not None:
        await request.app.state.links.evict(code)
