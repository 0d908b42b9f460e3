"""/api/v1/auth, /api/v1/me and /api/v1/keys"""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi import status as http

from shortener.access.credentials import InvalidCredential
from shortener.access.models import ApiKey, User
from shortener.access.principals import user_subject
from shortener.access.routes import ApiRoute, Known, LoggedIn, LoginRoute, Manager
from shortener.access.tokens import ACCESS_LIFETIME_S
from shortener.accounts.keys import KeyService
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
    TokensOut,
)
from shortener.accounts.service import AccountService, RegistrationClosed, Tokens
from shortener.http.openapi import errors
from shortener.limits.api_limits import ApiRateLimiter
from shortener.limits.identity import Identity
from shortener.stores.database import Writer
from shortener.workspaces.invitations import InvitationRequired

entry_router = APIRouter(prefix="/auth", tags=["accounts"], route_class=LoginRoute)
auth_router = APIRouter(prefix="/auth", tags=["accounts"], route_class=ApiRoute)
me_router = APIRouter(prefix="/me", tags=["accounts"], route_class=ApiRoute)
keys_router = APIRouter(prefix="/keys", tags=["keys"], route_class=ApiRoute)


async def _service(request: Request) -> AccountService:
    service: AccountService = request.app.state.accounts
    return service


async def _key_service(request: Request) -> KeyService:
    service: KeyService = request.app.state.keys
    return service


Accounts = Annotated[AccountService, Depends(_service)]
Keys = Annotated[KeyService, Depends(_key_service)]


async def _charge_account(request: Request, account: str) -> None:
    """Raises TooManyRequests."""
    await request.app.state.rate_limits.charge(request.scope, Identity("login", f"account:{account}"))


async def _charge_password(request: Request, principal: LoggedIn) -> str:
    """Charge client and account for a look at the password; returns the client. Raises TooManyRequests."""
    await ApiRateLimiter("login")(request)
    await _charge_account(request, user_subject(principal.user_id))
    client: str = request.app.state.rate_limits.client_of(request.scope)
    return client


PasswordClient = Annotated[str, Depends(_charge_password)]


def tokens_out(tokens: Tokens) -> TokensOut:
    return TokensOut(access_token=tokens.access, refresh_token=tokens.refresh, expires_in=ACCESS_LIFETIME_S)


@entry_router.post("/register", status_code=http.HTTP_201_CREATED, responses=errors(400, 403, 413, 422, 429, 503))
async def register(body: Registration, request: Request, session: Writer, accounts: Accounts) -> RegistrationOut:
    """Make an account, where `SHORTENER_REGISTRATION` is `open`, or, with an invitation for this address, where it is
    `invite`. An address that has one already is answered alike, and its account stays as it is: log in to see whether
    it is yours. Who is invited into a workspace is a member of it at once."""
    registration = request.app.state.settings.registration
    if registration == "closed":
        raise RegistrationClosed
    if registration == "invite" and body.invitation is None:
        raise InvitationRequired
    await _charge_account(request, body.email)
    invitation = None if body.invitation is None else body.invitation.get_secret_value()
    await accounts.register(session, body.email, body.password.get_secret_value(), invitation)
    return RegistrationOut(email=body.email)


@entry_router.post("/token", responses=errors(400, 401, 403, 413, 422, 429, 503))
async def log_in(
    form: Annotated[LoginForm, Form()], request: Request, session: Writer, accounts: Accounts
) -> TokensOut:
    """Log in with email and password (OAuth2's password grant)."""
    await _charge_account(request, form.username)
    client = request.app.state.rate_limits.client_of(request.scope)
    return tokens_out(await accounts.log_in(session, form.username, form.password.get_secret_value(), client))


@entry_router.post("/refresh", responses=errors(400, 401, 403, 413, 422, 429, 503))
async def refresh(body: Refresh, request: Request, session: Writer, accounts: Accounts) -> TokensOut:
    """New tokens for a refresh token, which works once. One that comes back ends its session: it was stolen, or the one
    that came of it."""
    token = body.refresh_token.get_secret_value()
    user_id = await accounts.user_of_refresh(session, token)
    if user_id is not None:
        await _charge_account(request, user_subject(user_id))
    return tokens_out(await accounts.refresh(session, token))


@auth_router.post("/logout", status_code=http.HTTP_204_NO_CONTENT, responses=errors(401, 403, 429, 503))
async def log_out(principal: LoggedIn, session: Writer, accounts: Accounts) -> None:
    """End this session: its tokens no longer work, at once."""
    await accounts.log_out(session, principal)


@me_router.get("", responses=errors(401, 403, 429, 503))
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
    "/password", status_code=http.HTTP_204_NO_CONTENT, responses=errors(400, 401, 403, 409, 413, 422, 429, 503)
)
async def change_password(
    body: PasswordChange, principal: LoggedIn, client: PasswordClient, session: Writer, accounts: Accounts
) -> None:
    """Change the password. All other sessions end; API keys stay. An account of single sign-on has none to change."""
    current, new = body.current_password.get_secret_value(), body.new_password.get_secret_value()
    await accounts.change_password(session, principal, current, new, client)


@me_router.post(
    "/delete", status_code=http.HTTP_204_NO_CONTENT, responses=errors(400, 401, 403, 409, 413, 422, 429, 503)
)
async def delete_me(
    body: AccountDeletion, principal: LoggedIn, client: PasswordClient, session: Writer, accounts: Accounts
) -> None:
    """Delete this account, with its sessions and keys, and its personal workspace, whose links answer 410 from then on.
    Needs the password, or, from whoever has none, a login of the last ten minutes. Refused while you are the only owner
    of another workspace."""
    password = None if body.password is None else body.password.get_secret_value()
    await accounts.delete_account(session, principal, password, client)


def _key_out(key: ApiKey) -> KeyOut:
    return KeyOut.model_validate(key, from_attributes=True)


@keys_router.post("", status_code=http.HTTP_201_CREATED, responses=errors(400, 401, 403, 409, 413, 422, 429, 503))
async def create_key(body: KeyCreate, principal: Manager, session: Writer, keys: Keys) -> NewKeyOut:
    """Make an API key. `key` is shown only in this answer. Needs a login, or a key with the scope `admin`."""
    row, key = await keys.create(session, principal, body.name, body.scopes, expires_at=body.expires_at)
    return NewKeyOut(**_key_out(row).model_dump(), key=key)


@keys_router.get("", responses=errors(401, 403, 429, 503))
async def get_keys(principal: Manager, session: Writer, keys: Keys) -> KeyList:
    """Your keys that work, the newest first. Needs a login, or a key with the scope `admin`."""
    return KeyList(items=[_key_out(key) for key in await keys.of_user(session, principal.user_id)])


@keys_router.delete("/{key_id}", status_code=http.HTTP_204_NO_CONTENT, responses=errors(401, 403, 404, 422, 429, 503))
async def revoke_key(key_id: uuid.UUID, principal: Manager, session: Writer, keys: Keys) -> None:
    """Revoke a key: every process refuses it within a second. Needs a login, or a key with the scope `admin`."""
    await keys.revoke(session, key_id, principal.user_id)
