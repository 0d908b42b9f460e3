"""/api/v1/auth/oidc"""

import contextlib
import re
from collections.abc import Iterator
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import status as http
from fastapi.responses import RedirectResponse

from shortener.access.revocation import Revocations
from shortener.access.routes import LoginRoute
from shortener.accounts.api import tokens_out
from shortener.accounts.oidc.errors import (
    InvalidOidcLogin,
    OidcLoginRefused,
    OidcNotConfigured,
    OidcProviderFailed,
    OidcProviderUnavailable,
)
from shortener.accounts.oidc.flow import LIFETIME_S, FlowSealer
from shortener.accounts.oidc.service import OidcService, recorded_when_refused
from shortener.accounts.schemas import TokensOut
from shortener.accounts.service import AccountService
from shortener.http.openapi import errors
from shortener.limits.identity import Identity
from shortener.settings import Settings
from shortener.stores.database import Writer

log = structlog.get_logger(__name__)

# Together they are fewer than the bytes that a query may have. Providers put much into a code.
MAX_PARAMETER, MAX_CODE = 512, 4096
# Others have never seen the browser's cookie; what else they put into the URL is told to nobody.
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")


class SingleSignOn:
    """The parts of single sign-on, where the settings name a provider."""

    def __init__(self, accounts: AccountService, revocations: Revocations, settings: Settings) -> None:
        # With Authlib and httpx, six megabytes for each web process that needs them.
        from shortener.accounts.oidc.provider import Provider

        self.provider = Provider(settings)
        self.service = OidcService(accounts, revocations, settings)
        secret = settings.secret_key.get_secret_value()
        self.sealer = FlowSealer(secret, settings.oidc_issuer, settings.oidc_client_id)
        # With this prefix browsers take the cookie only by TLS, for this host alone and from nobody else: not from
        # another site below the same domain either. It asks for the whole site as path.
        self.is_by_tls = settings.base_url.startswith("https:")
        self.cookie = "__Host-shortener-oidc" if self.is_by_tls else "shortener-oidc"
        self.cookie_path = "/" if self.is_by_tls else "/api/v1/auth/oidc"


async def _single_sign_on(request: Request) -> SingleSignOn:
    found: SingleSignOn | None = request.app.state.single_sign_on
    if found is None:
        raise OidcNotConfigured
    return found


SignOn = Annotated[SingleSignOn, Depends(_single_sign_on)]
Parameter = Annotated[str | None, Query(max_length=MAX_PARAMETER)]

oidc_router = APIRouter(prefix="/auth/oidc", tags=["accounts"], route_class=LoginRoute)


@oidc_router.get(
    "/login",
    status_code=http.HTTP_302_FOUND,
    response_class=RedirectResponse,
    responses=errors(401, 403, 404, 429, 502, 503),
)
async def begin_oidc_login(sign_on: SignOn) -> RedirectResponse:
    """Log in at the identity provider: leads a browser there, with a cookie for the way back."""
    flow, cookie = sign_on.sealer.begin()
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
        # The provider leads back here: "strict" would leave the cookie at home.
        samesite="lax",
    )
    return answer


@oidc_router.get("/callback", responses=errors(400, 401, 403, 404, 409, 422, 429, 502, 503))
async def end_oidc_login(
    request: Request,
    response: Response,
    session: Writer,
    sign_on: SignOn,
    state: Parameter = None,
    code: Annotated[str | None, Query(max_length=MAX_CODE)] = None,
    iss: Parameter = None,
    error: Parameter = None,
) -> TokensOut:
    """Where the provider leads the browser back to: the answer has the same tokens as a login with a password. They are
    in its body only, never in a URL or a cookie."""
    async with recorded_when_refused(session):
        flow = sign_on.sealer.open(request.cookies.get(sign_on.cookie), state or "")
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
    await request.app.state.rate_limits.charge(request.scope, account)
    tokens = await sign_on.service.log_in(session, person)
    response.delete_cookie(sign_on.cookie, path=sign_on.cookie_path, secure=sign_on.is_by_tls, httponly=True)
    return tokens_out(tokens)


@contextlib.contextmanager
def _noted() -> Iterator[None]:
    """What is wrong with the provider is told to who runs the service."""
    try:
        yield
    except (OidcProviderFailed, OidcProviderUnavailable) as error:
        log.warning("oidc_provider", problem=error.type, reason=error.reason)
        raise


def _refusal(provider: str, error: str | None) -> str:
    known = f" ({error})" if error and _ERROR_CODE.fullmatch(error) else ""
    return f"{provider} has not logged you in{known}."
