"""Everybody's links: find them, and disable or enable them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from shortener.access.memberships import OPERATOR
from shortener.dashboard.forms import read_form, text_of
from shortener.dashboard.page import redirect, render, speak_to
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import AdminRoute
from shortener.dashboard.rows import rows_of
from shortener.dashboard.search import read_search
from shortener.dashboard.session import next_path
from shortener.dashboard.toasts import set_toast
from shortener.errors import NotFound
from shortener.http.pagination import Order
from shortener.links.choices import Sort
from shortener.links.listing import list_links
from shortener.links.orders import ALL_WORKSPACES
from shortener.links.routes import ExistingCode, Links
from shortener.links.schemas import LinkUpdate
from shortener.parts import parts_of
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-/admin/links", route_class=AdminRoute, include_in_schema=False)

_DISABLED = {"disable": True, "enable": False}


@router.head("")
@router.get("")
async def links_page(
    request: Request,
    session: Writer,
    _visitor: VisitorDep,
    q: Annotated[str, Query(max_length=400)] = "",
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    search = read_search(q)
    options: dict[str, Any] = {"sort": Sort.CREATED_AT, "order": Order.DESC, "limit": speak_to(request).rows}
    base_url = parts_of(request).settings.base_url
    page = await list_links(session, ALL_WORKSPACES, search.asked, base_url, cursor=cursor or None, **options)
    values = {
        "rows": await rows_of(request, session, page),
        "total": page.total or 0,
        "is_total_exact": page.is_total_exact,
        "next": page.next_cursor,
        "previous": page.previous_cursor,
        "q": q,
        "asked": {"q": q},
        "search": search,
    }
    return render(request, "admin_links.html", values)


@router.post("/{code}/{verb}")
async def change(code: ExistingCode, verb: str, request: Request, session: Writer, links: Links) -> Response:
    if verb not in _DISABLED:
        raise NotFound("No page has this address.")
    back = next_path(text_of(await read_form(request), "back") or "/-/admin/links")
    link, _clicks = await links.update(session, OPERATOR, code, LinkUpdate(disabled=_DISABLED[verb]))
    return set_toast(redirect(back), f"link-{verb}d", link.code.rpartition("/")[2])
