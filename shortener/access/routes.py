"""The routes of the API: who is asking, how often, and whether they may; all of it before a body is read."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Request, Response, params
from fastapi.openapi.models import SecurityBase as SecurityModel
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer, OAuth2PasswordBearer
from fastapi.security.base import SecurityBase

from shortener.access.authentication import Authentication
from shortener.access.credentials import (
    AuthenticationRequired,
    InsufficientScope,
    InvalidCredential,
    read_credential,
    refuse_in_query,
)
from shortener.access.principals import PRINCIPAL_KEY, Principal, Scope
from shortener.errors import Forbidden
from shortener.http.json_body import JsonRequest
from shortener.http.openapi import ANONYMOUS
from shortener.limits.api_limits import ApiRateLimiter, RateLimits
from shortener.limits.identity import identify
from shortener.screening.ban_list import BanList

_SCOPES = {
    Scope.LINKS_READ: "Read links.",
    Scope.LINKS_WRITE: "Create, change and delete links.",
    Scope.STATS_READ: "Read figures.",
    Scope.TOKENS_VERIFY: "Ask whether tokens and keys of others are valid.",
    Scope.ADMIN: "Administer, and manage keys.",
}


class Opening(StrEnum):
    """The settings that let people in who show nothing."""

    CREATE = "anonymous_links"
    MANAGE = "anonymous_may_manage"


class _Anonymous(SecurityBase):
    """Stands in the document for "or nothing at all"; see `shortener.http.openapi`."""

    model = SecurityModel(type="http")

    def __init__(self, opening: Opening) -> None:
        self.scheme_name = ANONYMOUS + opening

    async def __call__(self) -> None:
        return


_login = OAuth2PasswordBearer(
    "/api/v1/auth/token", scheme_name="Login", scopes={str(k): v for k, v in _SCOPES.items()}, auto_error=False
)
_key = APIKeyHeader(name="X-API-Key", scheme_name="API key", auto_error=False)
_bearer = HTTPBearer(scheme_name="API key as bearer", auto_error=False)


class KeyRequired(Forbidden):
    type, title = "key-required", "API key required"

    def __init__(self) -> None:
        super().__init__("A login cannot do this: it needs an API key.")


class LoginRequired(Forbidden):
    type, title = "login-required", "Login required"

    def __init__(self) -> None:
        super().__init__("An API key cannot do this: it needs a login.")


async def _known(
    request: Request,
    _login: Annotated[object, Depends(_login)],
    _key: Annotated[object, Depends(_key)],
    _bearer: Annotated[object, Depends(_bearer)],
) -> Principal:
    """What FastAPI reads of the request is for the document: `ApiRoute` has decided by now."""
    principal: Principal = request.scope[PRINCIPAL_KEY]
    return principal


def _known_or_anonymous(opening: Opening) -> Callable[..., Awaitable[None]]:
    async def document(
        _anonymous: Annotated[object, Depends(_Anonymous(opening))],
        _login: Annotated[object, Depends(_login)],
        _key: Annotated[object, Depends(_key)],
        _bearer: Annotated[object, Depends(_bearer)],
    ) -> None:
        return

    return document


def principal_of(request: Request) -> Principal | None:
    """Who is asking; None where nothing was shown and nothing need be."""
    principal: Principal | None = request.scope[PRINCIPAL_KEY]
    return principal


async def _logged_in(principal: Annotated[Principal, Depends(_known)]) -> Principal:
    if principal.session_id is None:
        raise LoginRequired
    return principal


async def _keyed(principal: Annotated[Principal, Depends(_known)]) -> Principal:
    if principal.key_id is None:
        raise KeyRequired
    return principal


async def _manager(principal: Annotated[Principal, Depends(_known)]) -> Principal:
    """A key that leaks must not let others in who outlive it: only an admin's may."""
    if principal.session_id is None and Scope.ADMIN not in principal.scopes:
        raise LoginRequired
    return principal


Known = Annotated[Principal, Depends(_known)]
LoggedIn = Annotated[Principal, Depends(_logged_in)]
Keyed = Annotated[Principal, Depends(_keyed)]
Manager = Annotated[Principal, Depends(_manager)]


@dataclass(frozen=True)
class _Needs(params.Security):
    opening: Opening = Opening.MANAGE
    is_charged_by_bytes: bool = False


def needs(scope: Scope, opening: Opening = Opening.MANAGE, *, is_charged_by_bytes: bool = False) -> params.Security:
    """What a link's route has among its `dependencies`: whoever is known needs this scope; where the setting
    allows it, who shows nothing may come in as well. A route whose bodies are large charges for their bytes too."""
    return _Needs(
        _known_or_anonymous(opening), scopes=[scope], opening=opening, is_charged_by_bytes=is_charged_by_bytes
    )


def needs_known(scope: Scope) -> params.Security:
    """For a route's `dependencies`: nobody comes in without a credential of this scope, whatever the settings say."""
    return params.Security(_known, scopes=[scope])


needs_admin = needs_known(Scope.ADMIN)


class ApiRoute(APIRoute):
    """A bad credential is refused wherever it is shown. All is decided before the body is read, so that nobody makes us
    parse what they may not send, and a body that is no JSON counts too; dependencies come only after it is parsed."""

    limiter = ApiRateLimiter("api")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        rules = [rule for rule in self.dependencies if isinstance(rule, params.Security)]
        needed = {Scope(scope) for rule in rules for scope in rule.scopes or ()}
        openings = [rule.opening for rule in rules if isinstance(rule, _Needs)]
        is_charged_by_bytes = any(rule.is_charged_by_bytes for rule in rules if isinstance(rule, _Needs))

        async def guarded(request: Request) -> Response:
            scope = request.scope
            _check_client(request)
            try:
                scope[PRINCIPAL_KEY] = principal = await _principal(request)
            except InvalidCredential:
                # Counts for the client, whoever it says it is.
                await self.limiter(request)
                raise
            if principal is not None:
                identify(scope, principal.identity)
            await self.limiter(request)
            if principal is None:
                if not (openings and all(getattr(request.app.state.settings, opening) for opening in openings)):
                    raise AuthenticationRequired
            else:
                if missing := needed - principal.scopes:
                    raise InsufficientScope(min(missing))
            whole = JsonRequest(scope, request.receive)
            if is_charged_by_bytes:
                await _charge_bytes(whole)
            return await handle(whole)

        return guarded


async def _charge_bytes(request: Request) -> None:
    """By the length that the body announces, before it is read, where there is one. Raises TooManyBytes."""
    limits: RateLimits = request.app.state.rate_limits
    announced = request.headers.get("content-length", "")
    await limits.charge_bytes(request.scope, int(announced) if announced.isdecimal() else len(await request.body()))


class LoginRoute(APIRoute):
    """A route that lets people in: it takes a password or a token of its own, and looks at no other credential."""

    limiter = ApiRateLimiter("login")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def limited(request: Request) -> Response:
            _check_client(request)
            refuse_in_query(request.scope)
            await self.limiter(request)
            return await handle(JsonRequest(request.scope, request.receive))

        return limited


def _check_client(request: Request) -> None:
    """Raises ClientBanned."""
    state = request.app.state
    ban_list: BanList = state.ban_list
    ban_list.check_client(state.proxies.client_of(request.scope))


async def _principal(request: Request) -> Principal | None:
    """Raises InvalidCredential, TooManyRequests."""
    credential = read_credential(request.scope)
    if credential is None:
        return None
    state = request.app.state
    authentication: Authentication = state.authentication
    limits: RateLimits = state.rate_limits
    return await authentication.authenticate(credential, limits.client_of(request.scope))
