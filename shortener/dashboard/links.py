"""The list of links, and what can be done with one or many of them."""

from typing import Annotated, Any
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, Query, Request, Response

from shortener.access.routes import CallerDep
from shortener.dashboard.forms import read_form, text_of, validated
from shortener.dashboard.page import is_partial, redirect, render, speak_to
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import PageRoute
from shortener.dashboard.rows import read_rows
from shortener.dashboard.search import read_search, terms_of_form
from shortener.dashboard.session import next_path
from shortener.dashboard.templates import query
from shortener.dashboard.toasts import set_toast, subject_of
from shortener.errors import NotFound
from shortener.http.pagination import InvalidCursor, Order
from shortener.links.bulk_change import ChosenLinks, LinksChange, ManyLinks, Once
from shortener.links.choices import Having, Sort, State
from shortener.links.parts import EVICTION
from shortener.links.routes import ExistingCode, Links
from shortener.links.schemas import LinkUpdate
from shortener.parts import parts_of
from shortener.stores.sessions import Writer
from shortener.tags.service import colors

router = APIRouter(prefix="/-/links", route_class=PageRoute, include_in_schema=False)
bulk_router = APIRouter(prefix="/-/bulk", route_class=PageRoute, include_in_schema=False)

SHOWN_TAGS = 3
_SORTS = (Sort.CREATED_AT, Sort.TITLE, Sort.CLICKS, Sort.EXPIRES_AT)
# What one button does to a link.
_CHANGES: dict[str, dict[str, Any]] = {
    "disable": {"disabled": True},
    "enable": {"disabled": False},
    "archive": {"archived": True},
    "unarchive": {"archived": False},
}
_DONE = {
    "delete": "deleted", "restore": "restored", "disable": "disabled", "enable": "enabled", "archive": "archived",
    "unarchive": "unarchived",
}  # fmt: skip


@router.head("")
@router.get("")
async def list_page(
    request: Request,
    session: Writer,
    caller: CallerDep,
    visitor: VisitorDep,
    q: Annotated[str, Query(max_length=400)] = "",
    sort: Sort = Sort.CREATED_AT,
    order: Order = Order.DESC,
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    added = {"is": "", "tag": "", "host": "", "has": ""} | {
        name: request.query_params.get(f"add_{name}", "").strip() for name in ("is", "tag", "host", "has")
    }
    if terms := list(terms_of_form(added)):
        return redirect(f"/-/links{_query(' '.join(filter(None, [q, *terms])), sort, order)}")
    search = read_search(q)
    options = {"sort": sort, "order": order, "limit": speak_to(request).rows}
    try:
        rows, page = await read_rows(
            request, session, caller, visitor.place, search.asked, cursor=cursor or None, **options
        )
    except InvalidCursor:
        return redirect(f"/-/links{_query(q, sort, order)}")
    tags = {tag for row in rows for tag in row.link.tags[:SHOWN_TAGS]}
    workspace = None if visitor.space is None else visitor.space.id
    here = f"/-/links{query(_asked(q, sort, order), cursor=cursor)}"
    values = {
        "visitor": visitor,
        "rows": rows,
        "colors": await colors(session, workspace, tags) if tags else {},
        "shown_tags": SHOWN_TAGS,
        "total": page.total or 0,
        "is_total_exact": page.is_total_exact,
        "next": page.next_cursor,
        "previous": page.previous_cursor,
        "search": search,
        "asked": _asked(q, sort, order),
        "q": q,
        "sort": sort,
        "order": order,
        "sorts": _SORTS,
        "states": list(State),
        "having": list(Having),
        "here": here,
        "is_deleted": search.asked.state is State.DELETED,
    }
    answer = render(request, "links.html", values)
    if is_partial(request):
        # Without the empty fields of the form.
        answer.headers["HX-Replace-Url"] = here
    return answer


def _query(q: str, sort: Sort, order: Order) -> str:
    return query(_asked(q, sort, order))


def _asked(q: str, sort: Sort, order: Order) -> dict[str, Any]:
    """The parameters of the list; what is the default is left out."""
    return {"q": q, "sort": None if sort is Sort.CREATED_AT else sort, "order": None if order is Order.DESC else order}


def _back(text: str) -> str:
    """Where a change came from. A page of a link that is gone leads to the list."""
    return next_path(text) if text else "/-/links"


@bulk_router.post("/{verb}")
async def change_many(
    verb: str, request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep, links: Links
) -> Response:
    """The actions of the bar above a list, for the chosen links or for all that the search finds."""
    form = await read_form(request)
    codes = [code for code in form.getlist("code") if isinstance(code, str)]
    chosen: dict[str, Any] = {"codes": codes[:1000]}
    if text_of(form, "all"):
        chosen = {"filter": read_search(text_of(form, "q")).asked.model_dump(), "workspace": visitor.place}
    elif not codes:
        return redirect(_back(text_of(form, "back")))
    many = ManyLinks(links, parts_of(request)[EVICTION], parts_of(request).settings.base_url)
    once = Once("dashboard", None, b"")
    if verb == "restore":
        done = codes[:1000]
        for code in done:
            await links.restore(session, caller, code)
    elif verb == "delete":
        done = _done(await many.delete(session, caller, validated(ChosenLinks, chosen), once))
    elif verb in _CHANGES:
        done = _done(await many.change(session, caller, validated(LinksChange, chosen | {"set": _CHANGES[verb]}), once))
    else:
        raise NotFound("No page has this address.")
    return set_toast(redirect(_back(text_of(form, "back"))), f"many-{verb}", subject_of(done))


def _done(answer: bytes) -> list[str]:
    """The names of the links that were changed."""
    return [item["code"] for item in orjson.loads(answer)["results"] if "problem" not in item]


@router.post("/{code}/{verb}")
async def change_one(
    code: ExistingCode, verb: str, request: Request, session: Writer, caller: CallerDep, links: Links
) -> Response:
    form = await read_form(request)
    if verb == "delete":
        await links.delete(session, caller, code)
    elif verb == "restore":
        await links.restore(session, caller, code)
    elif verb in _CHANGES:
        await links.update(session, caller, code, LinkUpdate.model_validate(_CHANGES[verb]))
    else:
        raise NotFound("No page has this address.")
    back = _back(text_of(form, "back"))
    if verb == "delete" and urlsplit(back).path.startswith(f"/-/links/{code}"):
        back = "/-/links"
    return set_toast(redirect(back), _DONE[verb], code)
