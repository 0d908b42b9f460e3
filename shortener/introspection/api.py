"""POST /api/v1/auth/verify: token introspection (RFC 7662) for other services."""

import math
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from shortener.access.authentication import Authentication
from shortener.access.parts import AUTHENTICATION
from shortener.access.principals import Principal
from shortener.access.routes import ApiRoute, Keyed, needs_known
from shortener.access.scopes import Scope
from shortener.introspection.schemas import TokenIn, TokenOut
from shortener.parts import parts_of

router = APIRouter(prefix="/api/v1/auth", tags=["accounts"], route_class=ApiRoute)


@router.post(
    "/verify",
    response_model_exclude_none=True,
    dependencies=[needs_known(Scope.TOKENS_VERIFY)],
)
async def verify_token(
    body: TokenIn, _: Keyed, request: Request, authentication: Annotated[Authentication, Depends(AUTHENTICATION)]
) -> TokenOut:
    """Check an access token or API key of this service, for another service that received it. Needs an API key with the
    scope `tokens:verify`. A revoked token is inactive within a second. The answer says nothing more about a token that
    is not valid."""
    principal = await authentication.inspect(body.token.get_secret_value())
    return TokenOut(active=False) if principal is None else _shown(principal, parts_of(request).settings.base_url)


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
