"""The first page: make a link, and see what the last ones do."""

from datetime import timedelta

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.routes import CallerDep
from shortener.dashboard.forms import Errors, errors_of, link_fields, read_form, text_of
from shortener.dashboard.making import Made, domain_choices, made_of, make, new_key
from shortener.dashboard.page import render, speak_to
from shortener.dashboard.reader import Visitor, VisitorDep
from shortener.dashboard.routes import CreatorRoute
from shortener.dashboard.rows import Clicked, Row, most_clicked_in, newest_rows
from shortener.errors import ShortenerError
from shortener.links.routes import Creation
from shortener.stores.sessions import Reader, Writer

router = APIRouter(prefix="/-", route_class=CreatorRoute, include_in_schema=False)

_LAST = 10
_POPULAR = 5
_WEEK = timedelta(days=7)
_EMPTY = {"url": "", "code": "", "title": "", "tags": "", "expires_in": "", "password": "", "domain": ""}


async def _page(
    request: Request,
    session: AsyncSession,
    caller: CallerDep,
    visitor: Visitor,
    *,
    made: Made | None = None,
    typed: dict[str, str] | None = None,
    errors: Errors | None = None,
) -> Response:
    rows: list[Row] = []
    popular: list[Clicked] = []
    if visitor.may_read:
        rows = await newest_rows(request, session, caller, visitor.place, _LAST)
    if rows:
        popular = await most_clicked_in(session, None if visitor.space is None else visitor.space.id, _WEEK)
    values = {
        "visitor": visitor,
        "rows": rows,
        "popular": popular[:_POPULAR],
        "made": made,
        "typed": _EMPTY | (typed or {}),
        "errors": errors or {},
        "key": new_key(),
        **domain_choices(request, None if visitor.space is None else visitor.space.id),
    }
    return render(request, "start.html", values, status=422 if errors else 200)


@router.head("/")
@router.get("/")
async def start(
    request: Request, session: Reader, caller: CallerDep, visitor: VisitorDep, made: str = "", url: str = ""
) -> Response:
    # The primary is asked after a change: the new link must be in the list.
    shown = made_of(request, made)
    return await _page(request, session, caller, visitor, made=shown, typed={"url": url[:2000]})


@router.post("/links")
async def create(
    request: Request, session: Writer, caller: CallerDep, visitor: VisitorDep, creation: Creation
) -> Response:
    form = await read_form(request)
    fields = link_fields(form, speak_to(request).zone)
    try:
        return await make(request, session, caller, visitor, creation, fields, text_of(form, "key"))
    except ShortenerError as error:
        if error.status not in (409, 422):
            raise
        typed = {name: text_of(form, name) for name in _EMPTY}
        return await _page(
            request, session, caller, visitor, typed=typed | {"url": fields["url"]}, errors=errors_of(error)
        )
