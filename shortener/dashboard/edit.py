"""Make a link with all its options, and change one."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from shortener.access.memberships import InsufficientRole
from shortener.access.models import Role
from shortener.access.routes import CallerDep
from shortener.dashboard.conditions import HINTS, KINDS, write_condition
from shortener.dashboard.forms import (
    OWN_HOST,
    SWITCHES,
    UTM,
    Errors,
    errors_of,
    in_turns,
    link_fields,
    read_form,
    text_of,
)
from shortener.dashboard.making import domain_choices, make, new_key
from shortener.dashboard.page import redirect, render, speak_to
from shortener.dashboard.reader import Visitor, VisitorDep
from shortener.dashboard.routes import PageRoute
from shortener.dashboard.toasts import set_toast
from shortener.errors import ShortenerError
from shortener.links.ids import link_id_of
from shortener.links.routes import Creation, ExistingCode, Links, link_out
from shortener.links.schemas import LinkOut, LinkUpdate
from shortener.redirect.hosts import split_code
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-", route_class=PageRoute, include_in_schema=False)

_TEXTS = ("url", "code", "title", "note", "fallback_url", "max_clicks")
_REFUSED = (403, 404, 409, 422)


def _of_link(link: LinkOut, zone: Any) -> dict[str, Any]:
    """The values of the form's fields."""
    shown = link.model_dump(mode="json", by_alias=True)
    utm, preview = shown["utm"] or {}, shown["preview"] or {}
    return {
        **{name: "" if shown[name] is None else shown[name] for name in _TEXTS},
        **{name: shown[name] for name in (*SWITCHES, "redirect_status", "has_password", "workspace")},
        **{f"utm_{name}": utm.get(name) or "" for name in UTM},
        **{f"preview_{name}": preview.get(name) or "" for name in ("title", "description", "image_url")},
        "tags": ", ".join(link.tags),
        "starts_at": _local(link.starts_at, zone),
        "expires_at": _local(link.expires_at, zone),
        "variants": shown["variants"],
        "rules": [
            {
                "name": rule["name"],
                "url": rule["url"],
                "if": [(each["type"], write_condition(each)) for each in rule["if"]],
            }
            for rule in shown["rules"]
        ],
        "updated_at": shown["updated_at"],
        "domain": link.domain or OWN_HOST,
    }


def _local(moment: Any, zone: Any) -> str:
    return "" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


_NEW: dict[str, Any] = {
    **dict.fromkeys((*_TEXTS, "tags", "starts_at", "expires_at", "updated_at"), ""),
    **dict.fromkeys(SWITCHES, False),
    **{f"utm_{name}": "" for name in UTM},
    **{f"preview_{name}": "" for name in ("title", "description", "image_url")},
    "redirect_status": 302, "has_password": False, "workspace": None, "domain": "", "variants": [], "rules": [],
}  # fmt: skip


def _of_form(form: FormData, fields: dict[str, Any]) -> dict[str, Any]:
    """The values that somebody typed, to be shown again."""
    typed = {name: text_of(form, name) for name in _NEW if name in form}
    rules = [
        {
            "name": rule["name"],
            "url": rule["url"],
            "if": list(zip(form.getlist(f"rule_{n}_if"), form.getlist(f"rule_{n}_value"), strict=False)),
        }
        for n, rule in zip(form.getlist("rule"), fields.get("rules", []), strict=False)
    ]
    switches = {name: name in form for name in SWITCHES}
    status = fields.get("redirect_status", 302)
    return (
        _NEW
        | typed
        | switches
        | {
            "url": fields["url"],
            "variants": fields.get("variants", []),
            "rules": rules,
            "redirect_status": status,
            "has_password": "has_password" in form,
            "updated_at": fields.get("updated_at", ""),
        }
    )


def _page(
    request: Request,
    visitor: Visitor,
    typed: Callable[[], dict[str, Any]],
    *,
    link: LinkOut | None = None,
    errors: Errors | None = None,
    other: LinkOut | None = None,
) -> Response:
    zone = speak_to(request).zone
    workspace = link.workspace if link else None if visitor.space is None else visitor.space.id
    values = {
        **domain_choices(request, workspace), "visitor": visitor, "link": link, "errors": errors or {},
        "other": other, "zone": zone.key, "kinds": KINDS, "hints": HINTS, "utm": UTM, "key": new_key(),
    }  # fmt: skip
    return render(request, "edit.html", values, prepare=lambda: {"typed": typed()}, status=422 if errors else 200)


@router.head("/new")
@router.get("/new")
async def new_page(
    request: Request, visitor: VisitorDep, url: str = "", code: str = "", title: str = "", text: str = ""
) -> Response:
    """`text` comes from other apps, which share a page as a sentence with its URL."""
    shared = re.search(r"https?://\S+", text)
    typed = {"url": url or (shared[0] if shared else ""), "code": code, "title": title}
    return _page(request, visitor, lambda: _NEW | {name: value[:8192] for name, value in typed.items()})


@router.post("/new")
async def create(
    request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep, creation: Creation
) -> Response:
    form = await read_form(request)
    fields = link_fields(form, speak_to(request).zone)
    try:
        return await make(request, session, caller, visitor, creation, fields, text_of(form, "key"))
    except ShortenerError as error:
        if error.status not in _REFUSED:
            raise
        return _page(request, visitor, partial(_of_form, form, fields), errors=errors_of(error))


@router.head("/links/{code}/edit")
@router.get("/links/{code}/edit")
async def edit_page(
    code: ExistingCode, request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep, links: Links
) -> Response:
    link = link_out(request, *await links.get(session, caller, code))
    if not visitor.may_write_in(link.workspace):
        raise InsufficientRole(Role.EDITOR)
    return _page(request, visitor, partial(_of_link, link, speak_to(request).zone), link=link)


@router.post("/links/{code}/edit")
async def save(
    code: ExistingCode, request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep, links: Links
) -> Response:
    form = await read_form(request)
    fields = link_fields(form, speak_to(request).zone)
    fields.pop("workspace", None)
    if updated_at := text_of(form, "updated_at"):
        fields["updated_at"] = updated_at
    try:
        link, _clicks = await links.update(session, caller, code, await in_turns(LinkUpdate, fields))
    except ShortenerError as error:
        if error.status not in _REFUSED or error.status == 404:
            raise
        now = link_out(request, *await links.get(session, caller, code))
        is_other = error.type == "changed-meanwhile"
        newer = {"updated_at": now.model_dump(mode="json")["updated_at"]} if is_other else {}
        typed = partial(_of_form, form, fields | newer)
        return _page(request, visitor, typed, link=now, errors=errors_of(error), other=now if is_other else None)
    domain, short = split_code(link.code)
    return set_toast(redirect(f"/-/links/{short if domain is None else link_id_of(link.id)}"), "saved", short)
