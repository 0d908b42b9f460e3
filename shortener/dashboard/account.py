"""The reader's account: password, logins, preferences, and its end."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.cookies import clear_cookie, set_cookie
from shortener.access.credentials import InvalidCredential
from shortener.access.models import User
from shortener.access.principals import Principal
from shortener.access.routes import LoggedIn
from shortener.accounts.api import Accounts, PasswordClient, Revoked
from shortener.accounts.logins import end_other_sessions, end_session, renew_secret, sessions_of
from shortener.accounts.passwords import MIN_LENGTH
from shortener.accounts.schemas import AccountDeletion, PasswordChange
from shortener.dashboard.forms import Errors, errors_of, read_form, text_of, validated
from shortener.dashboard.page import redirect, render
from shortener.dashboard.parts import DASHBOARD
from shortener.dashboard.preferences import chosen_preferences, chosen_zone, labels
from shortener.dashboard.reader import VisitorDep
from shortener.dashboard.routes import PersonRoute
from shortener.dashboard.toasts import set_toast
from shortener.dashboard.wording import _
from shortener.errors import ShortenerError
from shortener.http.pagination import MAX_TOTAL
from shortener.links.counts import counts_of_links
from shortener.parts import parts_of
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-/account", route_class=PersonRoute, include_in_schema=False)

_LOGINS = 10
_REFUSED = (403, 409, 422, 429)


async def _page(
    request: Request,
    session: AsyncSession,
    principal: Principal,
    visitor: VisitorDep,
    *,
    cursor: str = "",
    section: str = "",
    errors: Errors | None = None,
    email: str = "",
) -> Response:
    """`errors` belong to the form of this section."""
    async with session.begin():
        user = await session.get(User, principal.user_id)
        page = await sessions_of(session, principal.user_id, _LOGINS, cursor or None)
    if user is None:
        raise InvalidCredential
    personal = next(space.id for space in visitor.spaces if space.is_personal)
    values = {
        "user": user,
        "logins": [row[0] for row in page.rows],
        "current": principal.session_id,
        "next": page.next_cursor,
        "previous": page.previous_cursor,
        "labels": labels(),
        "chosen": chosen_preferences(request),
        "zone": chosen_zone(request),
        "links": (await counts_of_links(session, [personal], MAX_TOTAL))[personal],
        "min_length": MIN_LENGTH,
        "typed_email": email,
        "errors": {section: errors} if errors else {},
    }
    return render(request, "account.html", values, status=422 if errors else 200)


@router.head("")
@router.get("")
async def account_page(
    request: Request,
    session: Writer,
    principal: LoggedIn,
    visitor: VisitorDep,
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    return await _page(request, session, principal, visitor, cursor=cursor)


@router.post("/password")
async def change_password(
    request: Request,
    client: PasswordClient,
    session: Writer,
    principal: LoggedIn,
    visitor: VisitorDep,
    accounts: Accounts,
    revocations: Revoked,
) -> Response:
    form = await read_form(request)
    fields = {name: str(form.get(name, "")) for name in ("current_password", "new_password")}
    try:
        asked = validated(PasswordChange, fields)
        current, new = asked.current_password.get_secret_value(), asked.new_password.get_secret_value()
        await accounts.change_password(session, principal, current, new, client)
    except ShortenerError as error:
        if error.status not in _REFUSED:
            raise
        return await _page(
            request, session, principal, visitor, section="password", errors=_at(error, "current_password")
        )
    secret = await renew_secret(session, revocations, principal)
    answer = set_toast(redirect("/-/account#change"), "password-changed")
    set_cookie(answer, secret, parts_of(request)[DASHBOARD].is_secure)
    return answer


def _at(error: ShortenerError, field: str) -> Errors:
    """A wrong password belongs to the field in which it was typed."""
    errors = errors_of(error)
    return {field: errors[""]} if error.type == "wrong-password" else errors


@router.post("/sessions/end")
async def end_others(session: Writer, principal: LoggedIn, revocations: Revoked) -> Response:
    ended = await end_other_sessions(session, revocations, principal)
    return set_toast(redirect("/-/account#logins"), "many-sessions", str(ended))


@router.post("/sessions/{session_id}/end")
async def end_one(session_id: uuid.UUID, session: Writer, principal: LoggedIn, revocations: Revoked) -> Response:
    await end_session(session, revocations, principal, session_id)
    return set_toast(redirect("/-/account#logins"), "many-sessions", "1")


@router.post("/delete")
async def delete(
    request: Request,
    client: PasswordClient,
    session: Writer,
    principal: LoggedIn,
    visitor: VisitorDep,
    accounts: Accounts,
) -> Response:
    form = await read_form(request)
    email = text_of(form, "email")
    errors: dict[str, Any] = {}
    if email.lower() != visitor.email:
        errors = {"email": _("This is another address than yours.")}
    else:
        try:
            asked = validated(AccountDeletion, {"password": str(form.get("password", "")) or None})
            password = None if asked.password is None else asked.password.get_secret_value()
            await accounts.delete_account(session, principal, password, client)
        except ShortenerError as error:
            if error.status not in _REFUSED:
                raise
            errors = _at(error, "password")
    if errors:
        return await _page(request, session, principal, visitor, section="delete", errors=errors, email=email)
    answer = set_toast(redirect("/-/login"), "account-deleted")
    clear_cookie(answer, parts_of(request)[DASHBOARD].is_secure)
    return answer
