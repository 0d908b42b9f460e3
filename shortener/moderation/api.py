"""/api/v1/reports, /api/v1/admin/bans and /api/v1/admin/reports"""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import status as http
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.routes import ADMINISTRATION, ApiRoute, LoginRoute, needs_admin
from shortener.accounts.errors import UnknownUser
from shortener.errors import InvalidField
from shortener.event_loop.slices import gathered
from shortener.http.openapi import Tag, errors
from shortener.http.pagination import InvalidCursor, Limit, PageCursor, beside_items
from shortener.http.parts import PROXIES
from shortener.http.pieces import answer_of, json_list
from shortener.links.eviction import Eviction
from shortener.links.parts import DIRECTORY, EVICTION
from shortener.moderation.administration import AdminId, Id
from shortener.moderation.answers import ban_out
from shortener.moderation.bans import (
    AlreadyBanned,
    BanService,
    InvalidBan,
    OwnBan,
    PublicSuffixBan,
    UnknownBan,
    read_value,
)
from shortener.moderation.kinds import Kind
from shortener.moderation.parts import BANS
from shortener.moderation.reports import (
    AlreadyResolved,
    Reason,
    Resolution,
    UnknownReport,
    code_of,
    list_cases,
    report_link,
    reports_of,
    resolve,
)
from shortener.moderation.schemas import (
    BanCreate,
    BanOut,
    BanPage,
    ReportAccepted,
    ReportCasePage,
    ReportCreate,
    ReportResolution,
    TouchedOut,
)
from shortener.moderation.touched import links_to_host
from shortener.parts import parts_of
from shortener.redirect.errors import LinkNotFound
from shortener.redirect.parts import HOSTS
from shortener.stores.sessions import Reader, Writer

TAG = Tag("abuse", "Report what breaks the rules.")

reports_router = APIRouter(prefix="/api/v1/reports", tags=[TAG], route_class=LoginRoute)
admin_router = APIRouter(
    prefix="/api/v1/admin", tags=[ADMINISTRATION], route_class=ApiRoute, dependencies=[needs_admin]
)


class NotOurUrl(InvalidField):
    """`short_url` of a report is not a short URL of this service.

    Use the URL as it was followed.
    """

    type, title = "not-our-url", "Not our URL"

    def __init__(self, reason: str) -> None:
        super().__init__("/short_url", reason)


Bans = Annotated[BanService, Depends(BANS)]


@reports_router.post("", status_code=http.HTTP_202_ACCEPTED, responses=errors(NotOurUrl))
async def create_report(body: ReportCreate, request: Request, session: Writer) -> ReportAccepted:
    """Report a link. Anybody can. The answer does not reveal whether the link exists."""
    await take_report(request, session, body)
    return ReportAccepted()


async def take_report(request: Request, session: AsyncSession, body: ReportCreate) -> None:
    """Raises NotOurUrl."""
    parts, code = parts_of(request), body.code
    if code is None:
        try:
            code = code_of(body.short_url or "", parts[DIRECTORY].own, parts[HOSTS].sites)
        except ValueError as error:
            raise NotOurUrl(str(error)) from None
    await report_link(session, parts.settings.stored_code(code), Reason(body.reason), body.comment or None)


@admin_router.post(
    "/bans",
    status_code=http.HTTP_201_CREATED,
    responses=errors(InvalidBan, PublicSuffixBan, AlreadyBanned, OwnBan, LinkNotFound, UnknownUser),
)
async def create_ban(body: BanCreate, request: Request, session: Writer, bans: Bans, admin_id: AdminId) -> BanOut:
    """Ban a link, a host with its subdomains, a user, or clients. Every process follows within a second. Banned links,
    and links to a banned host, answer 410. A banned user's logins and keys no longer work, and their links are banned.
    Banned clients get 403 from the API."""
    address = parts_of(request)[PROXIES].client_of(request.scope)
    ban = await bans.ban(session, body.kind, body.value, body.reason, admin_id, address, body.force)
    return ban_out(await bans.get(session, ban.id))


@admin_router.get("/bans", responses=errors(InvalidCursor))
async def get_bans(
    request: Request,
    session: Writer,
    bans: Bans,
    kind: Kind | None = None,
    lifted: Annotated[bool, Query(description="List lifted bans instead of active ones.")] = False,
    limit: Limit = 20,
    cursor: PageCursor = None,
) -> BanPage:
    """Bans, newest first."""
    page = await bans.list_bans(session, kind, lifted, limit, cursor)
    return BanPage(items=[ban_out(row) for row in page.rows], **beside_items(request, page))


@admin_router.get("/touched", responses=errors(InvalidBan))
async def get_touched(
    host: Annotated[str, Query(max_length=500, examples=["phish.example"])], session: Reader
) -> TouchedOut:
    """How many links a ban of this host would take down."""
    return TouchedOut(links=await links_to_host(session, read_value(Kind.HOST, host)))


@admin_router.get("/bans/{ban_id}", responses=errors(UnknownBan))
async def get_ban(ban_id: Id, session: Writer, bans: Bans) -> BanOut:
    """One ban."""
    return ban_out(await bans.get(session, ban_id))


@admin_router.delete("/bans/{ban_id}", status_code=http.HTTP_204_NO_CONTENT, responses=errors(UnknownBan))
async def lift_ban(ban_id: Id, session: Writer, bans: Bans, admin_id: AdminId) -> None:
    """Lift a ban; it stays in the list of lifted bans. A user is enabled again, and so are the links that this ban took
    down."""
    await bans.lift(session, ban_id, admin_id)


def _case(row: Any, said: bytes) -> bytes:
    """JSON of a `ReportCaseOut`."""
    case, link = row[0], row[1]
    members = {
        "id": case.id,
        "code": link.code,
        "url": link.url,
        "owners": row.owners,
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


@admin_router.get("/reports", response_model=ReportCasePage, responses=errors(InvalidCursor))
async def get_reports(
    request: Request,
    session: Writer,
    resolved: Annotated[bool, Query(description="List resolved reports instead of the queue.")] = False,
    limit: Limit = 20,
    cursor: PageCursor = None,
) -> Response:
    """Reported links, each with the number of reports and their texts, newest first."""
    page = await list_cases(session, resolved, limit, cursor)
    said = await reports_of(session, [row[0].id for row in page.rows])
    cases = await gathered(_case(row, said.get(row[0].id, b"[]")) for row in page.rows)
    return answer_of(json_list("items", cases, beside_items(request, page)))


@admin_router.post(
    "/reports/{report_id}/resolve",
    status_code=http.HTTP_204_NO_CONTENT,
    responses=errors(UnknownReport, LinkNotFound, AlreadyResolved),
)
async def resolve_report(
    report_id: Id,
    body: ReportResolution,
    session: Writer,
    evict: Annotated[Eviction, Depends(EVICTION)],
    admin_id: AdminId,
) -> None:
    """Dismiss the reports of a link, or ban the link. Further reports open a new entry in the queue."""
    code = await resolve(session, report_id, Resolution(body.resolution), body.reason, admin_id)
    if code is not None:
        await evict(code)
