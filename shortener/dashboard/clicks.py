"""Single clicks of a link."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from shortener.access.routes import CallerDep
from shortener.dashboard.page import redirect, render, speak_to
from shortener.dashboard.panels import FILTERS, panel_title, value_label
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import PageRoute
from shortener.dashboard.templates import name_of, query
from shortener.dashboard.wording import _
from shortener.figures.clicks import ClickFilter, Filter, click_out, clicks_of_link, csv_of, read_clicks
from shortener.http.pagination import InvalidCursor
from shortener.links.routes import ExistingCode, Links, link_out
from shortener.redirect.hosts import split_code
from shortener.stores.sessions import Reader, Writer

router = APIRouter(prefix="/-/links/{code}", route_class=PageRoute, include_in_schema=False)

_PANELS = {name: panel for panel, name in FILTERS.items()}
# The fields of the form. An empty one narrows nothing, whereas an empty parameter means clicks without a value.
_FIELDS = ("bot", "country", "referrer", "browser", "from", "to")


@router.head("/clicks")
@router.get("/clicks")
async def clicks_page(
    code: ExistingCode,
    wanted: Filter,
    request: Request,
    session: Writer,
    replica: Reader,
    caller: CallerDep,
    visitor: VisitorDep,
    links: Links,
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    link, clicks = await links.get(session, caller, code)
    shown = link_out(request, link, clicks)
    here = f"/-/links/{name_of(shown)}/clicks"
    kept = _kept(request)
    if added := _added(request):
        return redirect(f"{here}{_address(kept | added)}")
    preferences = speak_to(request)
    found = clicks_of_link(link.id, _in_zone(wanted, preferences.zone))
    try:
        page = await read_clicks(replica, found, cursor or None, preferences.rows)
    except InvalidCursor:
        return redirect(f"{here}{_address(kept)}")
    values = {
        "visitor": visitor,
        "link": shown,
        "may_write": visitor.may_write_in(shown.workspace),
        "clicks": list(map(click_out, page.rows)),
        "next": page.next_cursor and f"{here}{_address(kept | {'cursor': page.next_cursor})}",
        "previous": page.previous_cursor and f"{here}{_address(kept | {'cursor': page.previous_cursor})}",
        "chips": [(_chip(name, value), f"{here}{_address(_without(kept, name))}") for name, value in kept.items()],
        "here": here,
        "file": f"{here}.csv{_address(kept)}",
        "kept": kept,
        "reason": _reason,
        "value_label": value_label,
    }
    return render(request, "clicks.html", values)


@router.get("/clicks.csv")
async def clicks_file(
    code: ExistingCode, wanted: Filter, request: Request, session: Writer, caller: CallerDep, links: Links
) -> Response:
    """All clicks that the page shows."""
    link, _clicks = await links.get(session, caller, code)
    found = clicks_of_link(link.id, _in_zone(wanted, speak_to(request).zone))
    return await csv_of(request, found, None, split_code(link.code)[1])


def _in_zone(wanted: ClickFilter, zone: Any) -> ClickFilter:
    """Days are those of the reader."""
    return wanted if "tz" in wanted.model_fields_set else wanted.model_copy(update={"tz": zone})


def _kept(request: Request) -> dict[str, str]:
    """The filters in the address."""
    known = {*_PANELS, "hour_of_week", "bot", "from", "to"}
    return {name: value for name, value in request.query_params.items() if name in known}


def _added(request: Request) -> dict[str, str]:
    fields = {name: request.query_params.get(f"add_{name}", "").strip() for name in _FIELDS}
    fields["country"] = fields["country"].upper()
    return {name: value for name, value in fields.items() if value}


def _without(kept: dict[str, str], name: str) -> dict[str, str]:
    return {other: value for other, value in kept.items() if other != name}


def _address(values: dict[str, str]) -> str:
    """Empty values stay: they mean something."""
    empty = "".join(f"&{name}=" for name, value in values.items() if not value)
    return f"{query(values) or '?'}{empty}" if values else ""


def _chip(name: str, value: str) -> str:
    if name == "bot":
        return _("Bots only") if value == "true" else _("People only")
    if name in ("from", "to"):
        return f"{_('From') if name == 'from' else _('To')} {value}"
    if name == "hour_of_week":
        return value
    panel = _PANELS[name]
    return f"{panel_title(panel)}: {value_label(panel, value)}"


def _reason(bot: str) -> str:
    """Why a click is a bot's."""
    known = {
        "crawler": _("Crawler"),
        "preview": _("Preview of a chat"),
        "prefetch": _("Loaded in advance"),
        "head": _("Checked, not opened"),
        "no_user_agent": _("No browser named"),
    }
    return known.get(bot) or bot
