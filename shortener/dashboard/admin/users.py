"""Everybody's accounts: find them, and disable or enable them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from shortener.access.parts import REVOCATIONS
from shortener.access.revocation import Revocations
from shortener.dashboard.page import redirect, render
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import AdminRoute
from shortener.dashboard.toasts import set_toast
from shortener.errors import NotFound
from shortener.http.pagination import MAX_TOTAL
from shortener.moderation import users
from shortener.moderation.administration import AdminId, Id
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-/admin/users", route_class=AdminRoute, include_in_schema=False)

_ROWS = 50
_DISABLED = {"disable": True, "enable": False}


@router.head("")
@router.get("")
async def users_page(
    request: Request,
    session: Writer,
    _visitor: VisitorDep,
    admin_id: AdminId,
    q: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    page = await users.list_users(session, q.strip() or None, _ROWS, cursor or None)
    values = {
        "users": [row[0] for row in page.rows],
        "total": page.total or 0,
        "is_total_capped": (page.total or 0) >= MAX_TOTAL,
        "next": page.next_cursor,
        "previous": page.previous_cursor,
        "q": q,
        "asked": {"q": q},
        "me": admin_id,
    }
    return render(request, "admin_users.html", values)


@router.post("/{user_id}/{verb}")
async def change(
    user_id: Id,
    verb: str,
    session: Writer,
    revocations: Annotated[Revocations, Depends(REVOCATIONS)],
    admin_id: AdminId,
) -> Response:
    if verb not in _DISABLED:
        raise NotFound("No page has this address.")
    await users.set_disabled(session, revocations, user_id, _DISABLED[verb], admin_id)
    return set_toast(redirect("/-/admin/users"), f"user-{verb}d")
