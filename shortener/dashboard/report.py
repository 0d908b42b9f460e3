"""Report a link: for anybody, with the same answer whether there is such a link."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from shortener.dashboard.forms import Errors, errors_of, read_form, text_of, validated
from shortener.dashboard.page import redirect, render
from shortener.dashboard.reader import Visitor, VisitorDep
from shortener.dashboard.routes import DoorRoute, OpenRoute
from shortener.dashboard.titles import report_reason
from shortener.errors import ShortenerError
from shortener.moderation.api import take_report
from shortener.moderation.reports import Reason
from shortener.moderation.schemas import MAX_COMMENT, ReportCreate
from shortener.parts import parts_of
from shortener.redirect.hosts import short_url
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-/report", route_class=OpenRoute, include_in_schema=False)
send_router = APIRouter(prefix="/-/report", route_class=DoorRoute, include_in_schema=False)

_Text = Annotated[str, Query(max_length=2048)]


@router.head("")
@router.get("")
async def report_page(
    request: Request, visitor: VisitorDep, code: _Text = "", url: _Text = "", sent: bool = False
) -> Response:
    if sent:
        return render(request, "reported.html", {"visitor": visitor})
    named = url or (short_url(parts_of(request).settings.base_url, code) if code else "")
    return _page(request, visitor, {"link": named, "reason": "", "comment": ""})


@send_router.post("")
async def send(request: Request, session: Writer, visitor: VisitorDep) -> Response:
    form = await read_form(request)
    typed = {name: text_of(form, name) for name in ("link", "reason", "comment")}
    # A text without a slash is a code.
    named = {"short_url" if "/" in typed["link"] else "code": typed["link"]}
    fields = named | {"reason": typed["reason"] or None, "comment": " ".join(typed["comment"].split()) or None}
    try:
        await take_report(request, session, validated(ReportCreate, fields))
    except ShortenerError as error:
        if error.status != 422:
            raise
        found = errors_of(error)
        link = found.get("short_url") or found.get("code")
        return _page(request, visitor, typed, found | ({"link": link} if link else {}))
    return redirect("/-/report?sent=1")


def _page(request: Request, visitor: Visitor, typed: dict[str, str], errors: Errors | None = None) -> Response:
    values = {
        "visitor": visitor,
        "typed": typed,
        "errors": errors or {},
        "reasons": [(reason.value, report_reason(reason)) for reason in Reason],
        "max_comment": MAX_COMMENT,
    }
    return render(request, "report.html", values, status=422 if errors else 200)
