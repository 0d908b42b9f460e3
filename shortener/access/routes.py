"""Route classes of the API: they check credential, limits and scope before a body is read."""

from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Request, Response, params
from fastapi.dependencies.models import Dependant
from fastapi.security import APIKeyHeader, HTTPBearer, OAuth2PasswordBearer

from shortener.access.credentials import (
    AuthenticationRequired,
    InsufficientScope,
    InvalidCredential,
    read_credential,
    refuse_in_query,
)
from shortener.access.memberships import Caller
from shortener.access.parts import AUTHENTICATION
from shortener.access.principals import PRINCIPAL_KEY, Principal
from shortener.access.scopes import Scope
from shortener.errors import Forbidden, ServiceUnavailable, ShortenerError, TooManyRequests
from shortener.http.json_body import JsonRequest
from shortener.http.openapi import DocumentedRoute, Tag
from shortener.http.parts import PROXIES
from shortener.limits.api_limits import ApiRateLimiter
from shortener.limits.identity import identify
from shortener.limits.parts import RATE_LIMITS
from shortener.limits.policies import TooManyBytes
from shortener.parts import parts_of
from shortener.screening.ban_list import ClientBanned
from shortener.screening.parts import BAN_LIST
from shortener.settings import Settings

_SCOPES = {
    Scope.LINKS_READ: "Read links.",
    Scope.LINKS_WRITE: "Create, change and delete links.",
    Scope.STATS_READ: "Read figures.",
    Scope.TOKENS_VERIFY: "Ask whether other people's tokens and keys are valid.",
    Scope.ADMIN: "Administer the service and manage keys.",
}


class Opening(StrEnum):
    """The settings that admit anonymous clients."""

    CREATE = "anonymous_links"
    MANAGE = "anonymous_may_manage"


_login = OAuth2PasswordBearer(
    "/api/v1/auth/token", scheme_name="Login", scopes={str(k): v for k, v in _SCOPES.items()}, auto_error=False
)
_key = APIKeyHeader(name="X-API-Key", scheme_name="API key", auto_error=False)
_bearer = HTTPBearer(scheme_name="API key as bearer", auto_error=False)


class KeyRequired(Forbidden):
    """The request has a login, and needs an API key.

    Use an API key.
    """

    type, title = "key-required", "API key required"

    def __init__(self) -> None:
        super().__init__("A login cannot do this: it needs an API key.")


class LoginRequired(Forbidden):
    """The request has an API key, and needs a login.

    Log in.
    """

    type, title = "login-required", "Login required"

    def __init__(self) -> None:
        super().__init__("An API key cannot do this: it needs a login.")


async def _known(
    request: Request,
    _login: Annotated[object, Depends(_login)],
    _key: Annotated[object, Depends(_key)],
    _bearer: Annotated[object, Depends(_bearer)],
) -> Principal:
    """The parameters are only for the OpenAPI document: `ApiRoute` has already decided."""
    principal: Principal = request.scope[PRINCIPAL_KEY]
    return principal


def principal_of(request: Request) -> Principal | None:
    """The caller; None for an anonymous client, where the route admits them."""
    principal: Principal | None = request.scope[PRINCIPAL_KEY]
    return principal


async def _caller(request: Request) -> Caller:
    principal = principal_of(request)
    return Caller(None if principal is None else principal.user_id, parts_of(request).settings.anonymous_may_manage)


CallerDep = Annotated[Caller, Depends(_caller)]


async def _logged_in(principal: Annotated[Principal, Depends(_known)]) -> Principal:
    if principal.session_id is None:
        raise LoginRequired
    return principal


async def _keyed(principal: Annotated[Principal, Depends(_known)]) -> Principal:
    if principal.key_id is None:
        raise KeyRequired
    return principal


async def _manager(principal: Annotated[Principal, Depends(_known)]) -> Principal:
    """Only a key with the scope `admin` may do this: other leaked keys must not create credentials that outlive
    them."""
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
    """For a route's `dependencies`. Callers with a credential need `scope`; callers without one are admitted only while
    setting `opening` is on. Routes with large bodies charge for their bytes as well."""
    return _Needs(_known, scopes=[scope], opening=opening, is_charged_by_bytes=is_charged_by_bytes)


def needs_known(scope: Scope) -> params.Security:
    """For a route's `dependencies`: only callers with a credential of this scope are admitted, whatever the
    settings."""
    return params.Security(_known, scopes=[scope])


needs_admin = needs_known(Scope.ADMIN)
ADMINISTRATION = Tag("administration", "For admins: bans, reports, links and users of everybody, the audit log.")


_RAISED_BY = {_logged_in: LoginRequired, _manager: LoginRequired, _keyed: KeyRequired}
_ALWAYS_RAISED = (InvalidCredential, ClientBanned, TooManyRequests, ServiceUnavailable)


class ApiRoute(DocumentedRoute):
    """Refuses a bad credential even where none is needed. It decides before the body is read, so that no body is parsed
    for nothing, and requests with invalid JSON count as well; FastAPI's dependencies run only after parsing."""

    limiter = ApiRateLimiter("api")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        needed, is_charged_by_bytes = self._needed_scopes(), self._is_charged_by_bytes()

        async def guarded(request: Request) -> Response:
            scope = request.scope
            _check_client(request)
            try:
                scope[PRINCIPAL_KEY] = principal = await _principal(request)
            except InvalidCredential:
                # A bad credential counts for the client's address.
                await self.limiter(request)
                raise
            if principal is not None:
                identify(scope, principal.identity)
            await self.limiter(request)
            if principal is None:
                if not self.admits_anonymous(parts_of(request).settings):
                    raise AuthenticationRequired
            else:
                if missing := needed - principal.scopes:
                    raise InsufficientScope(min(missing))
            whole = JsonRequest(scope, request.receive)
            if is_charged_by_bytes:
                await charge_bytes(whole)
            return await handle(whole)

        return guarded

    def admits_anonymous(self, settings: Settings) -> bool:
        openings = [rule.opening for rule in self.dependencies if isinstance(rule, _Needs)]
        return bool(openings) and all(getattr(settings, opening) for opening in openings)

    def raised(self) -> Iterator[type[ShortenerError]]:
        yield AuthenticationRequired
        yield from _ALWAYS_RAISED
        if self._needed_scopes():
            yield InsufficientScope
        if self._is_charged_by_bytes():
            yield TooManyBytes
        for call in _calls(self.dependant):
            if call in _RAISED_BY:
                yield _RAISED_BY[call]

    def _needed_scopes(self) -> set[Scope]:
        rules = [rule for rule in self.dependencies if isinstance(rule, params.Security)]
        return {Scope(scope) for rule in rules for scope in rule.scopes or ()}

    def _is_charged_by_bytes(self) -> bool:
        return any(rule.is_charged_by_bytes for rule in self.dependencies if isinstance(rule, _Needs))


def _calls(dependant: Dependant) -> Iterator[Any]:
    """The functions that FastAPI calls for a route."""
    yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)


async def charge_bytes(request: Request) -> None:
    """Charge the announced length of the body before it is read, otherwise its real length. Raises TooManyBytes."""
    limits = parts_of(request)[RATE_LIMITS]
    announced = request.headers.get("content-length", "")
    await limits.charge_bytes(request.scope, int(announced) if announced.isdecimal() else len(await request.body()))


class LoginRoute(DocumentedRoute):
    """A route for logging in: it takes a password or token in its body, and ignores other credentials."""

    limiter = ApiRateLimiter("login")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def limited(request: Request) -> Response:
            _check_client(request)
            refuse_in_query(request.scope)
            await self.limiter(request)
            return await handle(JsonRequest(request.scope, request.receive))

        return limited

    def raised(self) -> Iterable[type[ShortenerError]]:
        return _ALWAYS_RAISED


def _check_client(request: Request) -> None:
    """Raises ClientBanned."""
    parts = parts_of(request)
    parts[BAN_LIST].check_client(parts[PROXIES].client_of(request.scope))


async def _principal(request: Request) -> Principal | None:
    """Raises InvalidCredential, TooManyRequests."""
    credential = read_credential(request.scope)
    if credential is None:
        return None
    parts = parts_of(request)
    return await parts[AUTHENTICATION].authenticate(credential, parts[RATE_LIMITS].client_of(request.scope))
