"""The page to which an invitation leads. Its token stands behind the `#` of the address, which no browser sends; from
there it goes into the bodies of forms only."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import SecretStr
from starlette.datastructures import FormData

from shortener.access.cookies import set_cookie
from shortener.access.models import Role
from shortener.access.parts import AUTHENTICATION
from shortener.access.routes import LoggedIn
from shortener.accounts.api import Accounts, charge_account
from shortener.accounts.browsers import browser_of
from shortener.accounts.errors import InvalidLogin, RegistrationClosed
from shortener.accounts.schemas import LoginForm, Registration
from shortener.dashboard.forms import Errors, errors_of, read_form, text_of, validated
from shortener.dashboard.page import redirect, render
from shortener.dashboard.parts import DASHBOARD
from shortener.dashboard.reader import VisitorDep, show_workspace
from shortener.dashboard.routes import DoorRoute, OpenRoute, PersonRoute
from shortener.dashboard.toasts import set_toast
from shortener.errors import ShortenerError
from shortener.limits.parts import RATE_LIMITS
from shortener.parts import parts_of
from shortener.stores.sessions import Writer
from shortener.workspaces.invitations import accept, read_invitation

router = APIRouter(prefix="/-/join", route_class=OpenRoute, include_in_schema=False)
password_router = APIRouter(prefix="/-/join", route_class=DoorRoute, include_in_schema=False)
person_router = APIRouter(prefix="/-/join", route_class=PersonRoute, include_in_schema=False)

_REFUSED = (401, 403, 404, 409, 422, 429)
_MAX_TOKEN = 200


def _page(
    request: Request,
    *,
    token: str = "",
    errors: Errors | None = None,
    email: str = "",
    asked: dict[str, Any] | None = None,
    is_known: bool | None = None,
) -> Response:
    """`asked` is what the reader is asked to join."""
    values: dict[str, Any] = {"token": token, "errors": errors or {}, "email": email, "asked": asked}
    if is_known is not None:
        values["is_known"] = is_known
    return render(request, "join.html", values, status=422 if errors else 200, is_secret=True)


def _token(form: FormData) -> str:
    """Also of a whole link, which somebody pasted."""
    return text_of(form, "invitation").rpartition("#")[2][:_MAX_TOKEN]


@router.head("")
@router.get("")
async def join_page(request: Request, _visitor: VisitorDep) -> Response:
    return _page(request)


@person_router.post("")
async def ask(request: Request, session: Writer, principal: LoggedIn, visitor: VisitorDep) -> Response:
    """Ask whether to join, and join at the second time."""
    form = await read_form(request)
    token = _token(form)
    try:
        if not text_of(form, "yes"):
            return _page(request, token=token, asked=await _asked(session, principal.user_id, token))
        workspace, _member = await accept(session, principal.user_id, token)
    except ShortenerError as error:
        if error.status not in _REFUSED:
            raise
        return _page(request, token=token, errors=errors_of(error), email=visitor.email or "")
    answer = show_workspace(redirect(f"/-/workspaces/{workspace.id}"), workspace.id)
    return set_toast(answer, "joined")


async def _asked(session: Writer, user_id: int, token: str) -> dict[str, Any]:
    """Raises UnknownInvitation."""
    invitation, workspace = await read_invitation(session, user_id, token)
    return {"name": workspace.name, "role": Role(invitation.role or Role.VIEWER)}


@password_router.post("/login")
async def log_in(request: Request, session: Writer, accounts: Accounts) -> Response:
    """Log in, and ask whether to join."""
    form = await read_form(request)
    return await _enter(request, session, accounts, form)


@password_router.post("/register")
async def register(request: Request, session: Writer, accounts: Accounts) -> Response:
    """Make an account that is a member at once. Where there is an account already, this is a login."""
    form = await read_form(request)
    email, token = text_of(form, "email"), _token(form)
    fields = {"email": email, "password": str(form.get("password", "")), "invitation": SecretStr(token)}
    try:
        if parts_of(request).settings.registration == "closed":
            raise RegistrationClosed
        asked = validated(Registration, fields)
        await charge_account(request, asked.email)
        await accounts.register(session, asked.email, asked.password.get_secret_value(), token)
    except ShortenerError as error:
        if error.status not in _REFUSED:
            raise
        return _page(request, token=token, errors=errors_of(error), email=email)
    return await _enter(request, session, accounts, form, is_new=True)


async def _enter(
    request: Request, session: Writer, accounts: Accounts, form: FormData, *, is_new: bool = False
) -> Response:
    email, token = text_of(form, "email"), _token(form)
    parts = parts_of(request)
    client = parts[RATE_LIMITS].client_of(request.scope)
    try:
        asked = validated(LoginForm, {"username": email, "password": str(form.get("password", ""))})
        await charge_account(request, asked.username)
        password = asked.password.get_secret_value()
        secret = await accounts.log_in_browser(session, asked.username, password, client, browser_of(request))
    except InvalidLogin as error:
        if is_new:
            return render(request, "registered.html", {"email": email})
        return _page(request, token=token, errors=errors_of(error), email=email)
    except ShortenerError as error:
        if error.status not in _REFUSED:
            raise
        return _page(request, token=token, errors=_at_fields(error), email=email)
    principal = await parts[AUTHENTICATION].authenticate_browser(secret, client)
    if is_new:
        answer = set_toast(redirect("/-/workspaces"), "joined")
    else:
        try:
            question = await _asked(session, principal.user_id, token)
            answer = _page(request, token=token, asked=question, is_known=True)
        except ShortenerError as error:
            answer = _page(request, token=token, errors=errors_of(error), email=email, is_known=True)
    set_cookie(answer, secret, parts[DASHBOARD].is_secure)
    return answer


def _at_fields(error: ShortenerError) -> Errors:
    errors = errors_of(error)
    return {"email": errors["username"]} if "username" in errors else errors
