"""POST /api/v1/auth/verify: token introspection (RFC 7662) for other services."""

import math

from fastapi import APIRouter, Request

from shortener.access.authentication import Authentication
from shortener.access.principals import Principal, Scope
from shortener.access.routes import ApiRoute, Keyed, needs_known
from shortener.http.openapi import errors
from shortener.introspection.schemas import TokenIn, TokenOut

router = APIRouter(prefix="/auth", tags=["accounts"], route_class=ApiRoute)


@router.post(
    "/verify",
    responses=errors(400, 401, 403, 413, 422, 429, 503),
    response_model_exclude_none=True,
    dependencies=[needs_known(Scope.TOKENS_VERIFY)],
)
async def verify_token(body: TokenIn, _: Keyed, request: Request) -> TokenOut:
    """Whether an access token or an API key of this service is valid, for another service that a client shows it to.
    Needs an API key with the scope `tokens:verify`. A revoked token is inactive within a second. The answer says
    nothing more about a token that is not valid."""
    authentication: Authentication = request.app.state.authentication
    principal = await authentication.inspect(body.token.get_secret_value())
    return TokenOut(active=False) if principal is None else _shown(principal, request.app.state.settings.base_url)


def _shown(principal: Principal, issuer: str) -> TokenOut:
    return TokenOut(
        active=True,
        token_type="access_token" if principal.key_id is None else "api_key",
        sub=str(principal.user_id),
        scope=" ".join(sorted(principal.scopes)),
        exp=None if math.isinf(principal.expires_at_s) else int(principal.expires_at_s),
        client_id=None if principal.key_id is None else str(principal.key_id),
        iss=issuer,
    )
