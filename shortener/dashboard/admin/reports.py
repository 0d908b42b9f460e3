"""The queue of reported links: look, ban or dismiss, then the next."""

from collections import defaultdict
from typing import Annotated, Any, NamedTuple

import ada_url
import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from shortener.dashboard.forms import read_form, text_of, validated
from shortener.dashboard.page import redirect, render
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import AdminRoute
from shortener.dashboard.toasts import set_toast
from shortener.links.eviction import Eviction
from shortener.links.models import Link
from shortener.links.parts import EVICTION
from shortener.moderation.administration import AdminId, Id
from shortener.moderation.models import ReportCase
from shortener.moderation.reports import Resolution, list_cases, reports_of, resolve
from shortener.moderation.schemas import ReportResolution
from shortener.parts import parts_of
from shortener.redirect.hosts import short_url
from shortener.screening.checks import checks_of
from shortener.screening.feeds import FEED_TITLES
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-/admin/reports", route_class=AdminRoute, include_in_schema=False)

_ROWS = 20
# Of one link; the others are only counted here.
_SHOWN = 5


class Case(NamedTuple):
    """`host` is the destination's, `readable` the same in Unicode where it is in Punycode."""

    case: ReportCase
    link: Link
    short_url: str
    host: str
    readable: str | None
    reasons: dict[str, int]
    comments: list[str]
    owners: list[str]
    resolved_by: str | None
    # What feeds say of the destination, by their names.
    verdicts: dict[str, str]


@router.head("")
@router.get("")
async def reports_page(
    request: Request,
    session: Writer,
    _visitor: VisitorDep,
    resolved: bool = False,
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    page = await list_cases(session, resolved, _ROWS, cursor or None)
    said = await reports_of(session, [row[0].id for row in page.rows])
    verdicts: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for check in await checks_of(session, [row[1].id for row in page.rows]):
        verdicts[check.link_id][FEED_TITLES.get(check.feed, check.feed)] = check.verdict
    base_url = parts_of(request).settings.base_url
    values = {
        "cases": [_case(row, said.get(row[0].id, b"[]"), base_url, verdicts[row[1].id]) for row in page.rows],
        "total": page.total,
        "next": page.next_cursor,
        "previous": page.previous_cursor,
        "resolved": resolved,
        "asked": {"resolved": 1 if resolved else None},
    }
    return render(request, "admin_reports.html", values)


def _case(row: Any, said: bytes, base_url: str, verdicts: dict[str, str]) -> Case:
    case, link = row[0], row[1]
    reports = orjson.loads(said)
    reasons: dict[str, int] = {}
    for report in reports:
        reasons[report["reason"]] = reasons.get(report["reason"], 0) + 1
    comments = [report["comment"] for report in reports if report["comment"]][:_SHOWN]
    host = str(ada_url.URL(link.url).hostname)
    readable = str(ada_url.idna_to_unicode(host)) if "xn--" in host else None
    url = short_url(base_url, link.code)
    return Case(case, link, url, host, readable, reasons, comments, row.owners, row.resolved_by_email, verdicts)


@router.post("/{report_id}/resolve")
async def resolve_report(
    report_id: Id,
    request: Request,
    session: Writer,
    evict: Annotated[Eviction, Depends(EVICTION)],
    admin_id: AdminId,
) -> Response:
    form = await read_form(request)
    fields = {"resolution": text_of(form, "resolution"), "reason": text_of(form, "reason") or None}
    asked = validated(ReportResolution, fields)
    code = await resolve(session, report_id, Resolution(asked.resolution), asked.reason, admin_id)
    if code is not None:
        await evict(code)
    kind = "report-banned" if asked.resolution is Resolution.BANNED else "report-dismissed"
    return set_toast(redirect("/-/admin/reports"), kind)
