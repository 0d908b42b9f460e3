"""Bans: what there are, a new one, and the end of one. A ban of a host is asked for twice: first it says how many links
lead there."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData

from shortener.dashboard.forms import Errors, errors_of, read_form, text_of, validated
from shortener.dashboard.page import redirect, render
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import AdminRoute
from shortener.dashboard.toasts import set_toast
from shortener.errors import ShortenerError
from shortener.http.parts import PROXIES
from shortener.moderation.administration import AdminId, Id
from shortener.moderation.api import Bans
from shortener.moderation.bans import BanService, read_value
from shortener.moderation.kinds import Kind
from shortener.moderation.schemas import BanCreate
from shortener.moderation.touched import MAX_TOUCHED, links_to_host
from shortener.parts import parts_of
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-/admin/bans", route_class=AdminRoute, include_in_schema=False)

_ROWS = 50
_REFUSED = (404, 409, 422)
_EMPTY: dict[str, Any] = {"kind": Kind.HOST, "value": "", "reason": "", "force": False}


async def _page(
    request: Request,
    session: AsyncSession,
    bans: BanService,
    *,
    kind: Kind | None = None,
    is_lifted: bool = False,
    cursor: str = "",
    typed: dict[str, Any] | None = None,
    errors: Errors | None = None,
    touched: int | None = None,
) -> Response:
    """`touched` is the number of links that the host's ban would take down, once it is asked for."""
    page = await bans.list_bans(session, kind, is_lifted, _ROWS, cursor or None)
    values = {
        "bans": [(row[0], row.created_by_email, row.lifted_by_email) for row in page.rows],
        "total": page.total,
        "next": page.next_cursor,
        "previous": page.previous_cursor,
        "kind": kind,
        "kinds": list(Kind),
        "is_lifted": is_lifted,
        "asked": {"kind": kind, "lifted": 1 if is_lifted else None},
        "typed": _EMPTY | (typed or {}),
        "errors": errors or {},
        "touched": touched,
        "most": MAX_TOUCHED,
    }
    return render(request, "admin_bans.html", values, status=422 if errors else 200)


@router.head("")
@router.get("")
async def bans_page(
    request: Request,
    session: Writer,
    _visitor: VisitorDep,
    bans: Bans,
    kind: Kind | None = None,
    lifted: bool = False,
    cursor: Annotated[str, Query(max_length=2000)] = "",
    new: Kind = Kind.HOST,
    value: Annotated[str, Query(max_length=500, pattern=r"^[^\x00]*$")] = "",
    reason: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """`new`, `value` and `reason` fill in the form."""
    typed = {"kind": new, "value": value, "reason": reason}
    return await _page(request, session, bans, kind=kind, is_lifted=lifted, cursor=cursor, typed=typed)


@router.post("")
async def create(request: Request, session: Writer, _visitor: VisitorDep, bans: Bans, admin_id: AdminId) -> Response:
    form = await read_form(request)
    typed = _typed(form)
    try:
        asked = validated(BanCreate, typed)
        if asked.kind is Kind.HOST and text_of(form, "sure") != asked.value:
            host = read_value(Kind.HOST, asked.value)
            touched = await links_to_host(session, host)
            return await _page(request, session, bans, typed=typed | {"value": host}, touched=touched)
        address = parts_of(request)[PROXIES].client_of(request.scope)
        await bans.ban(session, asked.kind, asked.value, asked.reason, admin_id, address, asked.force)
    except ShortenerError as error:
        if error.status not in _REFUSED:
            raise
        return await _page(request, session, bans, typed=typed, errors=errors_of(error))
    return set_toast(redirect(f"/-/admin/bans?{urlencode({'kind': asked.kind})}"), "banned")


def _typed(form: FormData) -> dict[str, Any]:
    texts = {name: text_of(form, name) for name in ("kind", "value", "reason")}
    return texts | {"force": bool(text_of(form, "force"))}


@router.post("/{ban_id}/lift")
async def lift(ban_id: Id, session: Writer, bans: Bans, admin_id: AdminId) -> Response:
    await bans.lift(session, ban_id, admin_id)
    return set_toast(redirect("/-/admin/bans"), "ban-lifted")
