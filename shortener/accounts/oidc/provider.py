"""The OpenID Connect provider: its metadata, its keys, and the person behind a code."""

import asyncio
import contextlib
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote_plus, urlencode

from authlib.oauth2.client import OAuth2Client
from pydantic import TypeAdapter, ValidationError

from shortener.access.schemas import EmailAddress
from shortener.accounts.oidc.errors import OidcLoginRefused, OidcProviderFailed, OidcProviderUnavailable
from shortener.accounts.oidc.exchange import ProviderClient, is_safe_url
from shortener.accounts.oidc.flow import Flow
from shortener.accounts.oidc.id_token import InvalidIdToken, ProviderKey, UnknownKey, read_id_token, read_keys
from shortener.accounts.oidc.person import Person
from shortener.settings import Settings

# Lifetime of the provider's metadata and keys. Its keys are also read when a token names an unknown one.
METADATA_LIFETIME_S = 3600
KEYS_LIFETIME_S = 3600
# Keys are not read more often, however many tokens name keys that do not exist.
MIN_KEYS_AGE_S = 30

CALLBACK_PATH = "/api/v1/auth/oidc/callback"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")

_email = TypeAdapter[str](EmailAddress)


class Provider:
    """The provider in the settings. Every process reads its metadata and keys for itself."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.oidc_name
        self.issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret.get_secret_value()
        self._http = ProviderClient(self.name)
        self._oauth = OAuth2Client(
            None,
            self._client_id,
            scope=settings.oidc_scopes,
            redirect_uri=f"{settings.base_url}{CALLBACK_PATH}",
            code_challenge_method="S256",
        )
        self._metadata: dict[str, Any] = {}
        self._metadata_until_s = 0.0
        self._keys: list[ProviderKey] = []
        self._keys_read_at_s = float("-inf")
        self._lock = asyncio.Lock()
        self._failure: OidcProviderFailed | OidcProviderUnavailable | None = None
        self._failed_at_s = float("-inf")

    async def authorization_url(self, flow: Flow) -> str:
        """The address at which the browser logs in. Raises OidcProviderUnavailable, OidcProviderFailed."""
        metadata = await self._read_metadata()
        url: str
        url, _ = self._oauth.create_authorization_url(
            metadata["authorization_endpoint"], flow.state, flow.verifier, nonce=flow.nonce
        )
        return url

    async def is_own_answer(self, issuer: str | None) -> bool:
        """Whether the answer that the browser brings is this provider's (RFC 9207)."""
        metadata = await self._read_metadata()
        if issuer is None:
            return metadata.get("authorization_response_iss_parameter_supported") is not True
        return issuer == self.issuer

    async def identify(self, code: str, flow: Flow) -> Person:
        """Redeem a code. Raises OidcLoginRefused, OidcProviderUnavailable, OidcProviderFailed."""
        metadata = await self._read_metadata()
        tokens = await self._redeem(metadata, code, flow)
        access_token = tokens.get("access_token")
        try:
            claims = await self._read_id_token(metadata, tokens.get("id_token"), access_token, flow.nonce)
        except InvalidIdToken as error:
            raise OidcProviderFailed(self.name, f"ID token: {error}") from error
        if "email" not in claims and isinstance(access_token, str):
            claims |= await self._userinfo(metadata, access_token, claims["sub"])
        return Person(self.issuer, claims["sub"], _verified_email(claims))

    async def close(self) -> None:
        await self._http.close()

    @contextlib.asynccontextmanager
    async def _reading(self) -> AsyncIterator[None]:
        """Logins that come during a read wait for it and share its failure, so a provider that does not answer delays
        all of them only once."""
        came_at_s = time.monotonic()
        async with self._lock:
            if self._failure is not None and self._failed_at_s >= came_at_s:
                raise type(self._failure)(self.name, self._failure.reason)
            try:
                yield
            except (OidcProviderFailed, OidcProviderUnavailable) as error:
                self._failure, self._failed_at_s = error, time.monotonic()
                raise

    async def _read_metadata(self) -> dict[str, Any]:
        async with self._reading():
            if time.monotonic() >= self._metadata_until_s:
                found = await self._http.get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
                # A provider with another issuer could send this service, and its secret, anywhere.
                if found.get("issuer") != self.issuer:
                    raise OidcProviderFailed(self.name, "another issuer")
                if not all(is_safe_url(found.get(name), self.issuer) for name in _ENDPOINTS):
                    raise OidcProviderFailed(self.name, "an endpoint that is missing, or without TLS")
                self._metadata, self._metadata_until_s = found, time.monotonic() + METADATA_LIFETIME_S
            return self._metadata

    async def _redeem(self, metadata: dict[str, Any], code: str, flow: Flow) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._oauth.redirect_uri,
            "code_verifier": flow.verifier,
            "client_id": self._client_id,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if self._secret and "client_secret_basic" not in methods and "client_secret_post" in methods:
            form["client_secret"] = self._secret
        elif self._secret:
            # RFC 6749, 2.3.1: each part is form-encoded before they are joined.
            pair = f"{quote_plus(self._client_id)}:{quote_plus(self._secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        answer = await self._http.request(
            "POST", metadata["token_endpoint"], headers=headers, content=urlencode(form).encode()
        )
        if answer.status == 200:
            return answer.document
        if answer.document.get("error") == "invalid_grant":
            raise OidcLoginRefused(f"{self.name} does not accept this login, or not a second time. Begin again.")
        raise OidcProviderFailed(self.name, f"token endpoint: status {answer.status}")

    async def _read_id_token(
        self, metadata: dict[str, Any], token: object, access_token: object, nonce: str
    ) -> dict[str, Any]:
        def read() -> dict[str, Any]:
            return read_id_token(
                token,
                self._keys,
                issuer=self.issuer,
                client_id=self._client_id,
                nonce=nonce,
                access_token=access_token if isinstance(access_token, str) else None,
                now_s=int(time.time()),
            )

        await self._read_keys(metadata, KEYS_LIFETIME_S)
        try:
            return read()
        except UnknownKey:
            await self._read_keys(metadata, MIN_KEYS_AGE_S)
            return read()

    async def _read_keys(self, metadata: dict[str, Any], max_age_s: float) -> None:
        async with self._reading():
            if time.monotonic() - self._keys_read_at_s >= max_age_s:
                self._keys = read_keys(await self._http.get(metadata["jwks_uri"]))
                self._keys_read_at_s = time.monotonic()

    async def _userinfo(self, metadata: dict[str, Any], access_token: str, subject: str) -> dict[str, Any]:
        """Email and whether it is verified, for providers that leave them out of ID tokens."""
        url = metadata.get("userinfo_endpoint")
        if not is_safe_url(url, self.issuer) or not access_token.isascii() or not access_token.isprintable():
            return {}
        found = await self._http.get(str(url), {"Authorization": f"Bearer {access_token}"})
        if found.get("sub") != subject:
            raise OidcProviderFailed(self.name, "userinfo of somebody else")
        return {name: found[name] for name in ("email", "email_verified") if name in found}


def _verified_email(claims: dict[str, Any]) -> str | None:
    if claims.get("email_verified") is not True:
        return None
    try:
        return _email.validate_python(claims.get("email"), strict=True)
    except ValidationError:
        return None
