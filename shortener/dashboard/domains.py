"""Domains of a workspace: add one, prove whose it is, and say where it leads visitors."""

from fastapi import APIRouter, Request, Response

from shortener.access.memberships import InsufficientRole
from shortener.access.models import Role
from shortener.access.routes import CallerDep
from shortener.dashboard.forms import Errors, errors_of, read_form, text_of, validated, with_scheme
from shortener.dashboard.page import redirect, render
from shortener.dashboard.reader import Visitor, VisitorDep
from shortener.dashboard.routes import PersonRoute
from shortener.dashboard.toasts import set_toast
from shortener.domains.answers import domain_out, verified_out
from shortener.domains.api import Domains, HostPath
from shortener.domains.schemas import DomainCreate, DomainOut, DomainState, DomainUpdate
from shortener.errors import ShortenerError
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-/domains", route_class=PersonRoute, include_in_schema=False)

_URLS = ("root_url", "not_found_url", "expired_url")
_REFUSED = (409, 422)


@router.head("")
@router.get("")
async def domains_page(
    request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep, domains: Domains
) -> Response:
    return await _list(request, session, caller, visitor, domains)


@router.post("")
async def add(request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep, domains: Domains) -> Response:
    host = text_of(await read_form(request), "host")
    try:
        body = validated(DomainCreate, {"host": host, "workspace": visitor.place})
        domain = await domains.add(session, caller, body.host, body.workspace)
    except ShortenerError as error:
        if error.status not in _REFUSED:
            raise
        found = errors_of(error)
        return await _list(request, session, caller, visitor, domains, host, {"host": found.get("host") or found[""]})
    return redirect(f"/-/domains/{domain.host}/settings")


async def _list(
    request: Request,
    session: Writer,
    caller: CallerDep,
    visitor: Visitor,
    domains: Domains,
    host: str = "",
    errors: Errors | None = None,
) -> Response:
    workspace = None if visitor.space is None else visitor.space.id
    shown = [domain_out(domain) for domain in await domains.find(session, caller, workspace)]
    values = {
        "visitor": visitor,
        "domains": shown,
        "may_own": visitor.role_in(workspace) is Role.OWNER,
        "typed": host,
        "errors": errors or {},
    }
    return render(request, "domains.html", values, status=422 if errors else 200)


@router.head("/{host}/settings")
@router.get("/{host}/settings")
async def domain_page(
    host: HostPath, request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep, domains: Domains
) -> Response:
    domain = await domains.get(session, caller, host)
    if visitor.role_in(domain.workspace_id) is not Role.OWNER:
        raise InsufficientRole(Role.OWNER)
    return await _page(request, session, caller, visitor, domains, host)


@router.post("/{host}/settings")
async def save(
    host: HostPath, request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep, domains: Domains
) -> Response:
    form = await read_form(request)
    typed = {name: text_of(form, name) for name in _URLS}
    fields = {name: with_scheme(value) or None for name, value in typed.items()} | {"is_default": "is_default" in form}
    try:
        await domains.change(session, caller, host, validated(DomainUpdate, fields))
    except ShortenerError as error:
        if error.status not in _REFUSED:
            raise
        return await _page(request, session, caller, visitor, domains, host, typed, errors_of(error))
    return set_toast(redirect("/-/domains"), "domain-saved", host)


@router.post("/{host}/verify")
async def verify(
    host: HostPath, request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep, domains: Domains
) -> Response:
    try:
        await domains.verify(session, caller, host)
    except ShortenerError as error:
        if error.status not in _REFUSED:
            raise
        return await _page(request, session, caller, visitor, domains, host, None, errors_of(error))
    return set_toast(redirect(f"/-/domains/{host}/settings"), "domain-verified", host)


@router.post("/{host}/remove")
async def remove(host: HostPath, session: Writer, caller: CallerDep, domains: Domains) -> Response:
    await domains.remove(session, caller, host)
    return set_toast(redirect("/-/domains"), "domain-removed", host)


async def _page(
    request: Request,
    session: Writer,
    caller: CallerDep,
    visitor: Visitor,
    domains: Domains,
    host: str,
    typed: dict[str, str] | None = None,
    errors: Errors | None = None,
) -> Response:
    domain = await domains.get(session, caller, host)
    shown: DomainOut = domain_out(domain)
    is_live = shown.state in (DomainState.VERIFIED, DomainState.FAILING)
    loops = verified_out(domain, await domains.loops(session, domain)).looping_links if is_live else []
    values = {
        "visitor": visitor,
        "domain": shown,
        "is_live": is_live,
        "loops": loops,
        "typed": {name: getattr(shown, name) or "" for name in _URLS} | (typed or {}),
        "errors": errors or {},
    }
    return render(request, "domain.html", values, status=422 if errors else 200)
