"""/api/v1/auth/oidc"""

import contextlib
import re
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import status as http
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.cookies import set_cookie
from shortener.access.routes import LoginRoute
from shortener.accounts.api import TAG, tokens_out
from shortener.accounts.browsers import browser_of
from shortener.accounts.errors import RegistrationClosed
from shortener.accounts.oidc.errors import (
    AccountDisabled,
    EmailHasAccount,
    InvalidOidcLogin,
    OidcLoginRefused,
    OidcNotConfigured,
    OidcProviderFailed,
    OidcProviderUnavailable,
    UnverifiedEmail,
)
from shortener.accounts.oidc.flow import LIFETIME_S, Flow
from shortener.accounts.oidc.parts import SINGLE_SIGN_ON, SingleSignOn
from shortener.accounts.oidc.person import Person
from shortener.accounts.oidc.service import recorded_when_refused
from shortener.accounts.schemas import TokensOut
from shortener.errors import ShortenerError
from shortener.http.openapi import errors
from shortener.limits.identity import Identity
from shortener.limits.parts import RATE_LIMITS
from shortener.parts import parts_of
from shortener.stores.sessions import Writer

log = structlog.get_logger(__name__)

# Together they fit into the bytes that a query may have. Some providers' codes are long.
MAX_PARAMETER, MAX_CODE = 512, 4096
# Known error codes are shown; other text in the URL could come from anybody, and is not.
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")


async def _configured(sign_on: Annotated[SingleSignOn | None, Depends(SINGLE_SIGN_ON)]) -> SingleSignOn:
    if sign_on is None:
        raise OidcNotConfigured
    return sign_on


SignOn = Annotated[SingleSignOn, Depends(_configured)]
Parameter = Annotated[str | None, Query(max_length=MAX_PARAMETER)]

oidc_router = APIRouter(prefix="/api/v1/auth/oidc", tags=[TAG], route_class=LoginRoute)


@oidc_router.get(
    "/login",
    status_code=http.HTTP_302_FOUND,
    response_class=RedirectResponse,
    responses=errors(OidcNotConfigured, OidcProviderFailed, OidcProviderUnavailable),
)
async def begin_oidc_login(sign_on: SignOn) -> RedirectResponse:
    """Log in at the identity provider: sends a browser there, with a cookie for the way back."""
    return await begin_flow(sign_on)


async def begin_flow(sign_on: SingleSignOn, next_: str | None = None) -> RedirectResponse:
    """Send a browser to the provider; `next_` is the page to which it comes in the end. Raises OidcProviderFailed,
    OidcProviderUnavailable."""
    flow, cookie = sign_on.sealer.begin(next_)
    with _noted():
        url = await sign_on.provider.authorization_url(flow)
    answer = RedirectResponse(url, http.HTTP_302_FOUND)
    answer.set_cookie(
        sign_on.cookie,
        cookie,
        max_age=LIFETIME_S,
        path=sign_on.cookie_path,
        secure=sign_on.is_by_tls,
        httponly=True,
        # The provider sends the browser back here: with "strict" it would not send the cookie.
        samesite="lax",
    )
    return answer


@oidc_router.get(
    "/callback",
    response_model=TokensOut,
    responses=errors(
        OidcNotConfigured,
        InvalidOidcLogin,
        OidcLoginRefused,
        UnverifiedEmail,
        EmailHasAccount,
        RegistrationClosed,
        AccountDisabled,
        OidcProviderFailed,
        OidcProviderUnavailable,
    ),
)
async def end_oidc_login(
    request: Request,
    response: Response,
    session: Writer,
    sign_on: SignOn,
    state: Parameter = None,
    code: Annotated[str | None, Query(max_length=MAX_CODE)] = None,
    iss: Parameter = None,
    error: Parameter = None,
) -> TokensOut | Response:
    """The provider sends the browser back to this address. The answer has the same tokens as a login with a password.
    They are only in its body, never in a URL or a cookie. A login that began in the dashboard leads back there."""
    flow = sign_on.sealer.unseal(request.cookies.get(sign_on.cookie), state or "")
    try:
        person = await _identify(request, session, sign_on, flow, code, iss, error)
        if flow is not None and flow.next is not None:
            secret = await sign_on.service.log_in_browser(session, person, browser_of(request))
            answer = RedirectResponse(flow.next, http.HTTP_303_SEE_OTHER)
            set_cookie(answer, secret, sign_on.is_by_tls)
            _forget_flow(answer, sign_on)
            return answer
        tokens = await sign_on.service.log_in(session, person)
    except ShortenerError as refusal:
        if flow is None or flow.next is None:
            raise
        query = urlencode({"refused": refusal.type, "next": flow.next})
        return RedirectResponse(f"/-/login?{query}", http.HTTP_303_SEE_OTHER)
    _forget_flow(response, sign_on)
    return tokens_out(tokens)


def _forget_flow(response: Response, sign_on: SingleSignOn) -> None:
    response.delete_cookie(sign_on.cookie, path=sign_on.cookie_path, secure=sign_on.is_by_tls, httponly=True)


async def _identify(
    request: Request,
    session: AsyncSession,
    sign_on: SingleSignOn,
    flow: Flow | None,
    code: str | None,
    iss: str | None,
    error: str | None,
) -> Person:
    async with recorded_when_refused(session):
        if flow is None:
            raise InvalidOidcLogin
        await sign_on.service.use_up(session, flow)
        with _noted():
            if not await sign_on.provider.is_own_answer(iss):
                raise InvalidOidcLogin
            if error is not None or code is None:
                raise OidcLoginRefused(_refusal(sign_on.provider.name, error))
            person = await sign_on.provider.identify(code, flow)
    account = Identity("login", f"account:oidc:{person.issuer} {person.subject}")
    await parts_of(request)[RATE_LIMITS].charge(request.scope, account)
    return person


@contextlib.contextmanager
def _noted() -> Iterator[None]:
    """The log gets the provider's fault, for the operator."""
    try:
        yield
    except (OidcProviderFailed, OidcProviderUnavailable) as error:
        log.warning("oidc_provider", problem=error.type, reason=error.reason)
        raise


def _refusal(provider: str, error: str | None) -> str:
    known = f" ({error})" if error and _ERROR_CODE.fullmatch(error) else ""
    return f"{provider} has not logged you in{known}."
