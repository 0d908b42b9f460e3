"""Preferences, help, the workspace that is shown, and whether a code is free."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response

from shortener.access.routes import principal_of
from shortener.accounts.preferences import PreferencesUpdate, change_preferences
from shortener.dashboard.asked_figures import span_title
from shortener.dashboard.forms import read_form, text_of, validated
from shortener.dashboard.page import redirect, render
from shortener.dashboard.preferences import (
    CHOICES,
    chosen_preferences,
    chosen_zone,
    fields_of,
    labels,
    set_preference,
)
from shortener.dashboard.reader import VisitorDep, show_workspace
from shortener.dashboard.routes import CreatorRoute, OpenRoute, PersonRoute
from shortener.dashboard.session import next_path
from shortener.dashboard.spans import KEYS
from shortener.dashboard.toasts import set_toast
from shortener.links.conditions import Host
from shortener.links.routes import Links
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-", route_class=OpenRoute, include_in_schema=False)
codes_router = APIRouter(prefix="/-", route_class=CreatorRoute, include_in_schema=False)
switch_router = APIRouter(prefix="/-", route_class=PersonRoute, include_in_schema=False)


@router.head("/help")
@router.get("/help")
async def help_page(request: Request, visitor: VisitorDep) -> Response:
    return render(
        request, "help.html", {"visitor": visitor, "spans": {span_title(name): key for name, key in KEYS.items()}}
    )


@router.head("/preferences")
@router.get("/preferences")
async def preferences_page(request: Request, visitor: VisitorDep) -> Response:
    if visitor.email:
        return redirect("/-/account#preferences")
    values = {"visitor": visitor, "labels": labels(), "chosen": chosen_preferences(request)}
    return render(request, "preferences.html", values)


@router.post("/preferences")
async def save_preferences(request: Request, session: Writer, _visitor: VisitorDep) -> Response:
    form = await read_form(request)
    answer = redirect(next_path(text_of(form, "back") or "/-/preferences"))
    chosen = chosen_preferences(request)
    for name, values in CHOICES.items():
        if (value := text_of(form, name)) in values:
            chosen[name] = value
            set_preference(answer, name, value)
    principal = principal_of(request)
    if principal is not None:
        zone = text_of(form, "zone") if "zone" in form else chosen_zone(request)
        change = validated(PreferencesUpdate, fields_of(chosen, zone))
        await change_preferences(session, principal.user_id, change)
    return set_toast(answer, "preferences")


@codes_router.get("/code")
async def code_state(
    code: Annotated[str, Query(max_length=200)], session: Writer, links: Links, domain: Host | None = None
) -> Response:
    """Asked while a code is typed."""
    state = await links.state_of(session, code.replace("\x00", ""), domain)
    return Response(orjson.dumps({"state": state}), media_type="application/json")


@switch_router.get("/switch")
async def switch(visitor: VisitorDep) -> Response:
    """Show another workspace from now on. Only this browser notices."""
    answer = redirect("/-/links")
    return answer if visitor.space is None else show_workspace(answer, visitor.space.id)
