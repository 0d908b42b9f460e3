"""/api/v1/auth, /api/v1/me and /api/v1/keys"""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi import status as http

from shortener.access.credentials import InvalidCredential
from shortener.access.models import ApiKey, Session, User
from shortener.access.parts import REVOCATIONS
from shortener.access.principals import user_subject
from shortener.access.revocation import Revocations
from shortener.access.routes import ApiRoute, Known, LoggedIn, LoginRoute, Manager
from shortener.access.tokens import ACCESS_LIFETIME_S
from shortener.accounts.errors import FreshLoginRequired, InvalidLogin, NoPassword, RegistrationClosed, WrongPassword
from shortener.accounts.keys import KeyService, OutlivesItsMaker, ScopeNotHeld, TooManyKeys, UnknownKey
from shortener.accounts.logins import UnknownSession, end_other_sessions, end_session, sessions_of
from shortener.accounts.parts import ACCOUNTS, KEYS
from shortener.accounts.passwords import WeakPassword
from shortener.accounts.preferences import (
    PreferencesOut,
    PreferencesUpdate,
    change_preferences,
    preferences_of,
)
from shortener.accounts.schemas import (
    AccountDeletion,
    KeyCreate,
    KeyList,
    KeyOut,
    LoginForm,
    MeOut,
    NewKeyOut,
    PasswordChange,
    Refresh,
    Registration,
    RegistrationOut,
    SessionOut,
    SessionPage,
    SessionsEnded,
    TokensOut,
)
from shortener.accounts.service import AccountService, Tokens
from shortener.accounts.slowdown import TooManyFailures
from shortener.hashing.passwords import ClientGone
from shortener.http.expiry import InvalidExpiry
from shortener.http.openapi import Tag, errors
from shortener.http.pagination import InvalidCursor, Limit, PageCursor, path_at
from shortener.limits.api_limits import ApiRateLimiter
from shortener.limits.identity import Identity
from shortener.limits.parts import RATE_LIMITS
from shortener.parts import parts_of
from shortener.stores.sessions import Writer
from shortener.workspaces.invitations import InvitationRequired
from shortener.workspaces.service import OnlyOwner

# An email address and a password, each byte of which may be written as three.
MAX_LOGIN_BODY_BYTES = 4 * 1024

TAG = Tag("accounts", "Register, log in and out, and change what is yours.")
KEYS_TAG = Tag("keys", "API keys: for programs, in place of a login.")

login_router = APIRouter(prefix="/api/v1/auth", tags=[TAG], route_class=LoginRoute)
session_router = APIRouter(prefix="/api/v1/auth", tags=[TAG], route_class=ApiRoute)
me_router = APIRouter(prefix="/api/v1/me", tags=[TAG], route_class=ApiRoute)
keys_router = APIRouter(prefix="/api/v1/keys", tags=[KEYS_TAG], route_class=ApiRoute)


Accounts = Annotated[AccountService, Depends(ACCOUNTS)]
Keys = Annotated[KeyService, Depends(KEYS)]
Revoked = Annotated[Revocations, Depends(REVOCATIONS)]


async def charge_account(request: Request, account: str) -> None:
    """Raises TooManyRequests."""
    await parts_of(request)[RATE_LIMITS].charge(request.scope, Identity("login", f"account:{account}"))


async def _charge_password(request: Request, principal: LoggedIn) -> str:
    """Charge client and account for one check of a password; returns the client. Raises TooManyRequests."""
    await ApiRateLimiter("login")(request)
    await charge_account(request, user_subject(principal.user_id))
    return parts_of(request)[RATE_LIMITS].client_of(request.scope)


PasswordClient = Annotated[str, Depends(_charge_password)]


def tokens_out(tokens: Tokens) -> TokensOut:
    return TokensOut(access_token=tokens.access, refresh_token=tokens.refresh, expires_in=ACCESS_LIFETIME_S)


@login_router.post(
    "/register",
    status_code=http.HTTP_201_CREATED,
    responses=errors(RegistrationClosed, InvitationRequired, WeakPassword, ClientGone),
)
async def register(body: Registration, request: Request, session: Writer, accounts: Accounts) -> RegistrationOut:
    """Create an account if `SHORTENER_REGISTRATION` is `open`, or `invite` and you have an invitation for this address.
    An address that already has an account gets the same answer, and that account is not changed: log in to see whether
    it is yours. An invitation into a workspace makes you a member of it at once."""
    registration = parts_of(request).settings.registration
    if registration == "closed":
        raise RegistrationClosed
    if registration == "invite" and body.invitation is None:
        raise InvitationRequired
    await charge_account(request, body.email)
    invitation = None if body.invitation is None else body.invitation.get_secret_value()
    await accounts.register(session, body.email, body.password.get_secret_value(), invitation)
    return RegistrationOut(email=body.email)


@login_router.post("/token", responses=errors(InvalidLogin, TooManyFailures, ClientGone))
async def log_in(
    form: Annotated[LoginForm, Form()], request: Request, session: Writer, accounts: Accounts
) -> TokensOut:
    """Log in with email and password (OAuth2's password grant)."""
    await charge_account(request, form.username)
    client = parts_of(request)[RATE_LIMITS].client_of(request.scope)
    return tokens_out(await accounts.log_in(session, form.username, form.password.get_secret_value(), client))


@login_router.post("/refresh")
async def refresh(body: Refresh, request: Request, session: Writer, accounts: Accounts) -> TokensOut:
    """Exchange a refresh token for new tokens. It works once. If it comes back, its session ends: it was stolen, or its
    successor was."""
    token = body.refresh_token.get_secret_value()
    user_id = await accounts.user_of_refresh(session, token)
    if user_id is not None:
        await charge_account(request, user_subject(user_id))
    return tokens_out(await accounts.refresh(session, token))


@session_router.post("/logout", status_code=http.HTTP_204_NO_CONTENT)
async def log_out(principal: LoggedIn, session: Writer, accounts: Accounts) -> None:
    """End this session. Its tokens stop working at once."""
    await accounts.log_out(session, principal)


@me_router.get("")
async def get_me(principal: Known, session: Writer) -> MeOut:
    """Who you are, and what this login or key may do."""
    user = await session.get(User, principal.user_id)
    if user is None:
        raise InvalidCredential
    return MeOut(
        email=user.email,
        is_admin=user.is_admin,
        has_password=user.password_hash is not None,
        created_at=user.created_at,
        scopes=sorted(principal.scopes),
    )


@me_router.post(
    "/password",
    status_code=http.HTTP_204_NO_CONTENT,
    responses=errors(NoPassword, WrongPassword, WeakPassword, TooManyFailures, ClientGone),
)
async def change_password(
    body: PasswordChange, principal: LoggedIn, client: PasswordClient, session: Writer, accounts: Accounts
) -> None:
    """Change the password. All other sessions end; API keys stay. Accounts that use single sign-on have no password."""
    current, new = body.current_password.get_secret_value(), body.new_password.get_secret_value()
    await accounts.change_password(session, principal, current, new, client)


@me_router.post(
    "/delete",
    status_code=http.HTTP_204_NO_CONTENT,
    responses=errors(WrongPassword, FreshLoginRequired, OnlyOwner, TooManyFailures, ClientGone),
)
async def delete_me(
    body: AccountDeletion, principal: LoggedIn, client: PasswordClient, session: Writer, accounts: Accounts
) -> None:
    """Delete this account, with its sessions and keys, and its personal workspace, whose links answer 410 from then on.
    Needs the password, or for an account without one a login within the last ten minutes. Refused while you are the
    only owner of another workspace."""
    password = None if body.password is None else body.password.get_secret_value()
    await accounts.delete_account(session, principal, password, client)


def session_out(login: Session, current: uuid.UUID | None) -> SessionOut:
    return SessionOut(
        id=login.id,
        browser=login.browser,
        network=login.network,
        created_at=login.created_at,
        last_used_at=login.last_used_at,
        expires_at=login.expires_at,
        current=login.id == current,
    )


@me_router.get("/sessions", responses=errors(InvalidCursor))
async def get_sessions(
    principal: LoggedIn, request: Request, session: Writer, limit: Limit = 50, cursor: PageCursor = None
) -> SessionPage:
    """Where you are logged in, the last used first. Needs a login."""
    page = await sessions_of(session, principal.user_id, limit, cursor)
    items = [session_out(row[0], principal.session_id) for row in page.rows]
    return SessionPage(items=items, next=path_at(request, page.next_cursor))


@me_router.delete("/sessions")
async def delete_other_sessions(principal: LoggedIn, session: Writer, revocations: Revoked) -> SessionsEnded:
    """Log out everywhere but here: every process refuses the other sessions within a second. Keys stay. Needs a
    login."""
    return SessionsEnded(ended=await end_other_sessions(session, revocations, principal))


@me_router.delete("/sessions/{session_id}", status_code=http.HTTP_204_NO_CONTENT, responses=errors(UnknownSession))
async def delete_session(session_id: uuid.UUID, principal: LoggedIn, session: Writer, revocations: Revoked) -> None:
    """End one session. Needs a login."""
    await end_session(session, revocations, principal, session_id)


@me_router.get("/preferences")
async def get_preferences(principal: Known, session: Writer) -> PreferencesOut:
    """How you want the dashboard to be."""
    return await preferences_of(session, principal.user_id)


@me_router.patch("/preferences")
async def patch_preferences(body: PreferencesUpdate, principal: LoggedIn, session: Writer) -> PreferencesOut:
    """Change how the dashboard is for you, in every browser. Needs a login."""
    return await change_preferences(session, principal.user_id, body)


def _key_out(key: ApiKey) -> KeyOut:
    return KeyOut.model_validate(key, from_attributes=True)


@keys_router.post(
    "", status_code=http.HTTP_201_CREATED, responses=errors(ScopeNotHeld, InvalidExpiry, OutlivesItsMaker, TooManyKeys)
)
async def create_key(body: KeyCreate, principal: Manager, session: Writer, keys: Keys) -> NewKeyOut:
    """Create an API key. `key` is shown only in this answer. Needs a login, or a key with the scope `admin`."""
    row, key = await keys.create(session, principal, body.name, body.scopes, expires_at=body.expires_at)
    return NewKeyOut(**_key_out(row).model_dump(), key=key)


@keys_router.get("")
async def get_keys(principal: Manager, session: Writer, keys: Keys) -> KeyList:
    """Your valid keys, newest first. Needs a login, or a key with the scope `admin`."""
    return KeyList(items=[_key_out(key) for key in await keys.of_user(session, principal.user_id)])


@keys_router.delete("/{key_id}", status_code=http.HTTP_204_NO_CONTENT, responses=errors(UnknownKey))
async def revoke_key(key_id: uuid.UUID, principal: Manager, session: Writer, keys: Keys) -> None:
    """Revoke a key: every process refuses it within a second. Needs a login, or a key with the scope `admin`."""
    await keys.revoke(session, key_id, principal.user_id)
