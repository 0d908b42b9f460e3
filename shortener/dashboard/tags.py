"""Tags of a workspace: how many links and clicks they have; rename, colour, merge, delete."""

from typing import Annotated
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Query, Request, Response

from shortener.access.memberships import InsufficientRole
from shortener.access.models import Role
from shortener.access.routes import CallerDep
from shortener.dashboard.forms import Errors, errors_of, read_form, text_of, validated
from shortener.dashboard.page import redirect, render, speak_to
from shortener.dashboard.reader import Visitor, VisitorDep
from shortener.dashboard.routes import PageRoute
from shortener.dashboard.templates import query
from shortener.dashboard.toasts import set_toast
from shortener.errors import ShortenerError
from shortener.http.pagination import InvalidCursor, Order
from shortener.stores.sessions import Writer
from shortener.tags import service
from shortener.tags.answers import tag_out
from shortener.tags.api import TagPath
from shortener.tags.choices import TagOrder
from shortener.tags.schemas import TagMerge, TagOut, TagUpdate
from shortener.tags.service import TagRow

router = APIRouter(prefix="/-/tags", route_class=PageRoute, include_in_schema=False)

# Offered in forms. They are distinct on light and on dark grounds.
COLORS = ("#d64545", "#c2700c", "#8f7a00", "#2e8540", "#0b8a83", "#2f6fd0", "#7a55d6", "#c13f8f")
_SUGGESTED = 100
_REFUSED = (403, 409, 422)
_Search = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]


@router.head("")
@router.get("")
async def tags_page(
    request: Request,
    session: Writer,
    caller: CallerDep,
    visitor: VisitorDep,
    q: _Search = "",
    sort: TagOrder = TagOrder.NAME,
    order: Order | None = None,
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    shown_order = order or (Order.ASC if sort is TagOrder.NAME else Order.DESC)
    asked = {"q": q, "sort": None if sort is TagOrder.NAME else sort, "order": order}
    limit = speak_to(request).rows
    try:
        page = await service.list_tags(
            session,
            caller,
            visitor.place,
            q=q or None,
            sort=sort,
            order=shown_order,
            limit=limit,
            cursor=cursor or None,
        )
    except InvalidCursor:
        return redirect(f"/-/tags{query(asked)}")
    values = {
        "visitor": visitor,
        "tags": [tag_out(TagRow(tag, links)) for tag, links, *_keys in page.rows],
        "total": page.total,
        "next": page.next_cursor,
        "previous": page.previous_cursor,
        "asked": asked,
        "q": q,
        "sort": sort,
        "order": shown_order,
        "sorts": list(TagOrder),
    }
    return render(request, "tags.html", values)


@router.get("/names")
async def names(session: Writer, caller: CallerDep, visitor: VisitorDep) -> Response:
    """The most used tags, for forms that suggest some."""
    page = await service.list_tags(
        session,
        caller,
        visitor.place,
        q=None,
        sort=TagOrder.LINKS,
        order=Order.DESC,
        limit=_SUGGESTED,
        cursor=None,
    )
    return Response(orjson.dumps([tag.name for tag, *_ in page.rows]), media_type="application/json")


@router.head("/{tag}/edit")
@router.get("/{tag}/edit")
async def tag_page(tag: TagPath, request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep) -> Response:
    shown = tag_out(await service.get(session, caller, visitor.place, tag))
    if not visitor.may_write:
        raise InsufficientRole(Role.EDITOR)
    return _page(request, visitor, shown, {"name": shown.name, "description": shown.description or "", "into": ""})


@router.post("/{tag}/edit")
async def save(tag: TagPath, request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep) -> Response:
    form = await read_form(request)
    typed = {"name": text_of(form, "name"), "description": text_of(form, "description"), "into": ""}
    fields = typed | {"description": typed["description"] or None, "color": text_of(form, "color") or None}
    del fields["into"]
    try:
        body = validated(TagUpdate, fields)
        changes = {name: getattr(body, name) for name in fields}
        changed = await service.change(session, caller, visitor.place, tag, changes)
    except ShortenerError as error:
        return await _refused(request, session, caller, visitor, tag, typed, error)
    return set_toast(redirect("/-/tags"), "tag-saved", changed.tag.name)


@router.post("/{tag}/merge")
async def merge(tag: TagPath, request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep) -> Response:
    into = text_of(await read_form(request), "into")
    try:
        body = validated(TagMerge, {"into": into})
        merged = await service.merge(session, caller, visitor.place, tag, body.into)
    except ShortenerError as error:
        typed = {"name": tag, "description": "", "into": into}
        return await _refused(request, session, caller, visitor, tag, typed, error, field="into")
    return set_toast(redirect("/-/tags"), "tag-merged", merged.tag.name)


@router.post("/{tag}/delete")
async def delete(tag: TagPath, session: Writer, caller: CallerDep, visitor: VisitorDep) -> Response:
    await service.delete(session, caller, visitor.place, tag)
    return set_toast(redirect("/-/tags"), "tag-deleted", tag)


async def _refused(
    request: Request,
    session: Writer,
    caller: CallerDep,
    visitor: Visitor,
    tag: str,
    typed: dict[str, str],
    error: ShortenerError,
    field: str = "name",
) -> Response:
    """The form again, with the reason beside the field. Raises the error if the form cannot mend it."""
    is_about_other = error.type == "tag-not-found" and field == "into"
    if error.status not in _REFUSED and not is_about_other:
        raise error
    found = errors_of(error)
    errors = {field: found[""]} if "" in found else found
    shown = tag_out(await service.get(session, caller, visitor.place, tag))
    return _page(request, visitor, shown, typed, errors)


def _page(
    request: Request, visitor: Visitor, tag: TagOut, typed: dict[str, str], errors: Errors | None = None
) -> Response:
    others = [] if tag.color is None or tag.color in COLORS else [tag.color]
    values = {
        "visitor": visitor,
        "tag": tag,
        "path": f"/-/tags/{quote(tag.name, safe='')}",
        "typed": typed,
        "errors": errors or {},
        "colors": [*COLORS, *others],
    }
    return render(request, "tag.html", values, status=422 if errors else 200)
