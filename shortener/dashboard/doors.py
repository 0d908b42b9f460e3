"""Log in, log out, register."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData

from shortener.access.cookies import HOME, clear_cookie, set_cookie
from shortener.access.routes import principal_of
from shortener.accounts.api import Accounts, charge_account
from shortener.accounts.browsers import browser_of
from shortener.accounts.errors import RegistrationClosed
from shortener.accounts.oidc.api import begin_flow
from shortener.accounts.oidc.parts import SINGLE_SIGN_ON
from shortener.accounts.schemas import LoginForm, Registration
from shortener.dashboard.forms import Errors, errors_of, read_form, text_of, validated, wait_of
from shortener.dashboard.page import is_partial, redirect, render
from shortener.dashboard.parts import DASHBOARD
from shortener.dashboard.refusals import render_door
from shortener.dashboard.routes import DoorRoute, OpenRoute, PersonRoute
from shortener.dashboard.session import next_path
from shortener.dashboard.titles import sign_on_refusal
from shortener.errors import NotFound, ShortenerError
from shortener.limits.parts import RATE_LIMITS
from shortener.parts import parts_of
from shortener.settings.values import is_loopback
from shortener.stores.sessions import Writer
from shortener.workspaces.invitations import InvitationRequired

router = APIRouter(prefix="/-", route_class=OpenRoute, include_in_schema=False)
password_router = APIRouter(prefix="/-", route_class=DoorRoute, include_in_schema=False)
# Characters; the cookie of a single sign-on has room for more.
_MAX_SEALED = 200

exit_router = APIRouter(prefix="/-", route_class=PersonRoute, include_in_schema=False)


def _door(
    request: Request, template: str, next_: str, errors: Errors | None = None, wait_s: int | None = None, **typed: Any
) -> Response:
    host = request.url.hostname or ""
    values = {
        "next": next_,
        "errors": errors or {},
        "wait_s": wait_s,
        "typed": {"email": "", "invitation": "", "refused": ""} | typed,
        "is_readable": request.url.scheme == "http" and not is_loopback(host.strip("[]")) and not _is_tls(request),
    }
    return render(request, template, values, status=422 if errors else 200)


def _is_tls(request: Request) -> bool:
    """A proxy in front may speak TLS."""
    return parts_of(request)[DASHBOARD].is_secure


@router.head("/login")
@router.get("/login")
async def show_login(
    request: Request,
    next: str = "",  # noqa: A002  (the name in the URL)
    refused: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """`refused` is the type of the problem that a single sign-on ended with."""
    if principal_of(request) is not None:
        return redirect(next_path(next))
    return _door(request, "login.html", next_path(next), refused=sign_on_refusal(refused))


@password_router.head("/login/sso")
@password_router.get("/login/sso")
async def sign_on_elsewhere(request: Request, next: str = "") -> Response:  # noqa: A002
    """A link leads here: a form could not lead to another site."""
    sign_on = parts_of(request)[SINGLE_SIGN_ON]
    if sign_on is None:
        raise NotFound("No page has this address.")
    path = next_path(next)
    return await begin_flow(sign_on, path if len(path) <= _MAX_SEALED else HOME)


@password_router.post("/login")
async def log_in(request: Request, session: Writer, accounts: Accounts) -> Response:
    form = await read_form(request)
    next_, email = next_path(text_of(form, "next")), text_of(form, "email")
    again = text_of(form, "again")
    resumed = {"again": again, "typed": _kept(form), "email": email, "errors": {}}
    has_more = bool(again) and next_path(again) == again
    try:
        fields = validated(LoginForm, {"username": email, "password": str(form.get("password", ""))})
        await charge_account(request, fields.username)
        secret = await accounts.log_in_browser(
            session,
            fields.username,
            fields.password.get_secret_value(),
            parts_of(request)[RATE_LIMITS].client_of(request.scope),
            browser_of(request),
        )
    except ShortenerError as error:
        if error.status not in (401, 422, 429):
            raise
        errors = _login_errors(error)
        if is_partial(request):
            return render_door(request, 422, email, errors)
        if has_more:
            return render(request, "resume.html", resumed | {"errors": errors}, status=422, is_secret=True)
        return _door(request, "login.html", next_, errors, wait_of(error), email=email)
    answer = redirect(next_)
    if is_partial(request):
        # Takes the dialog away, and tells the page's script to go on.
        answer = Response(media_type="text/html", headers={"HX-Trigger": "logged-in"})
    elif has_more:
        answer = render(request, "resume.html", resumed | {"is_known": True}, is_secret=True)
    set_cookie(answer, secret, parts_of(request)[DASHBOARD].is_secure)
    return answer


def _kept(form: FormData) -> list[tuple[str, str]]:
    """The fields of the form that could not be sent, because the login had ended."""
    return [(name[6:], str(value)) for name, value in form.multi_items() if name.startswith("again.")]


def _login_errors(error: ShortenerError) -> Errors:
    errors = errors_of(error)
    return {"email": errors["username"]} if "username" in errors else errors


@exit_router.post("/logout")
async def log_out(request: Request, session: Writer, accounts: Accounts) -> Response:
    principal = principal_of(request)
    assert principal is not None
    await accounts.log_out(session, principal)
    answer = redirect("/-/login")
    clear_cookie(answer, parts_of(request)[DASHBOARD].is_secure)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@router.head("/register")
@router.get("/register")
async def show_registration(request: Request) -> Response:
    if parts_of(request).settings.registration == "closed":
        raise RegistrationClosed
    return _door(request, "register.html", "/-/")


@password_router.post("/register")
async def register(request: Request, session: Writer, accounts: Accounts) -> Response:
    """The page afterwards is the same whether or not the address had an account."""
    registration = parts_of(request).settings.registration
    if registration == "closed":
        raise RegistrationClosed
    form = await read_form(request)
    email, invitation = text_of(form, "email"), text_of(form, "invitation").rpartition("#")[2]
    try:
        fields = validated(
            Registration,
            {"email": email, "password": str(form.get("password", "")), "invitation": invitation or None},
        )
        if registration == "invite" and fields.invitation is None:
            raise InvitationRequired
        await charge_account(request, fields.email)
        await accounts.register(session, fields.email, fields.password.get_secret_value(), invitation or None)
    except ShortenerError as error:
        if error.status not in (403, 422, 429):
            raise
        return _door(request, "register.html", "/-/", errors_of(error), email=email, invitation=invitation)
    return render(request, "registered.html", {"email": email})
