"""API keys: what there are, a new one, and the end of one."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData

from shortener.access.models import ApiKey
from shortener.access.principals import Principal
from shortener.access.routes import LoggedIn
from shortener.access.scopes import Scope
from shortener.accounts.api import Keys
from shortener.accounts.keys import MAX_KEYS, KeyService
from shortener.accounts.schemas import KeyCreate
from shortener.dashboard.forms import Errors, errors_of, read_form, text_of, validated
from shortener.dashboard.page import redirect, render
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import PersonRoute
from shortener.dashboard.rows import SOON, State
from shortener.dashboard.titles import scope_title
from shortener.dashboard.toasts import set_toast
from shortener.dashboard.wording import _
from shortener.errors import ShortenerError
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-/keys", route_class=PersonRoute, include_in_schema=False)

_FRESH: dict[str, Any] = {
    "name": "",
    "scopes": [Scope.LINKS_READ, Scope.LINKS_WRITE, Scope.STATS_READ],
    "days": "90",
}
_REFUSED = (403, 409, 422)


async def _page(
    request: Request,
    session: AsyncSession,
    principal: Principal,
    keys: KeyService,
    *,
    typed: dict[str, Any] | None = None,
    errors: Errors | None = None,
    made: dict[str, str] | None = None,
) -> Response:
    found = await keys.of_user(session, principal.user_id)
    values = {
        "keys": found,
        "states": [_state(key) for key in found],
        "scopes": {scope: scope_title(scope) for scope in Scope},
        "offered": principal.scopes,
        "typed": typed or _FRESH,
        "errors": errors or {},
        "made": made,
        "most": MAX_KEYS,
    }
    return render(request, "keys.html", values, status=422 if errors else 200, is_secret=made is not None)


def _state(key: ApiKey) -> State | None:
    if key.expires_at is not None and key.expires_at - datetime.now(UTC) < SOON:
        return State("warn", "clock", _("Ends soon"))
    return None


@router.head("")
@router.get("")
async def keys_page(
    request: Request, session: Writer, principal: LoggedIn, _visitor: VisitorDep, keys: Keys
) -> Response:
    return await _page(request, session, principal, keys)


@router.post("")
async def create(request: Request, session: Writer, principal: LoggedIn, _visitor: VisitorDep, keys: Keys) -> Response:
    """The answer is the only page that shows the key."""
    form = await read_form(request)
    typed = _typed(form)
    try:
        asked = validated(KeyCreate, _fields(typed))
        _row, key = await keys.create(session, principal, asked.name, asked.scopes, expires_at=asked.expires_at)
    except ShortenerError as error:
        if error.status not in _REFUSED:
            raise
        return await _page(request, session, principal, keys, typed=typed, errors=errors_of(error))
    return await _page(request, session, principal, keys, made={"name": asked.name, "key": key})


def _typed(form: FormData) -> dict[str, Any]:
    return {"name": text_of(form, "name"), "scopes": form.getlist("scope"), "days": text_of(form, "days")}


def _fields(typed: dict[str, Any]) -> dict[str, Any]:
    days = typed["days"]
    ends = (datetime.now(UTC) + timedelta(days=int(days))).isoformat() if days in ("30", "90", "365") else None
    return {"name": typed["name"], "scopes": typed["scopes"], "expires_at": ends}


@router.post("/{key_id}/revoke")
async def revoke(key_id: uuid.UUID, session: Writer, principal: LoggedIn, keys: Keys) -> Response:
    await keys.revoke(session, key_id, principal.user_id)
    return set_toast(redirect("/-/keys"), "key-revoked")
