"""Single sign-on, where the settings name a provider."""

import contextlib
from collections.abc import AsyncIterator

from shortener.access.parts import REVOCATIONS
from shortener.access.revocation import Revocations
from shortener.accounts.oidc.flow import FlowSealer
from shortener.accounts.oidc.service import OidcService
from shortener.accounts.parts import ACCOUNTS
from shortener.accounts.service import AccountService
from shortener.parts import Part, Parts
from shortener.settings import Settings


class SingleSignOn:
    """The identity provider, the service for its users, and the cookie of a login."""

    def __init__(self, accounts: AccountService, revocations: Revocations, settings: Settings) -> None:
        # Imported late: Authlib and httpx take six megabytes per web process.
        from shortener.accounts.oidc.provider import Provider

        self.provider = Provider(settings)
        self.service = OidcService(accounts, revocations, settings)
        secret = settings.secret_key.get_secret_value()
        self.sealer = FlowSealer(secret, settings.oidc_issuer, settings.oidc_client_id)
        # With this prefix browsers accept the cookie only over TLS and only from this host, not even from another host
        # of the same domain. It requires the path "/".
        self.is_by_tls = settings.base_url.startswith("https:")
        self.cookie = "__Host-shortener-oidc" if self.is_by_tls else "shortener-oidc"
        self.cookie_path = "/" if self.is_by_tls else "/api/v1/auth/oidc"


# None where no provider is configured.
SINGLE_SIGN_ON = Part[SingleSignOn | None]("single sign-on")


@contextlib.asynccontextmanager
async def open_single_sign_on(parts: Parts) -> AsyncIterator[None]:
    parts[SINGLE_SIGN_ON] = None
    if not parts.settings.oidc_issuer:
        yield
        return
    parts[SINGLE_SIGN_ON] = sign_on = SingleSignOn(parts[ACCOUNTS], parts[REVOCATIONS], parts.settings)
    try:
        yield
    finally:
        await sign_on.provider.close()
