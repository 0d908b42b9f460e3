"""Requests to the provider: few at a time, each with a bound for its time and for the size of the answer."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from shortener.accounts.oidc.errors import OidcProviderFailed, OidcProviderUnavailable
from shortener.settings.values import is_loopback

TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 256 * 1024
MAX_CONNECTIONS = 16
# No compression, so that the bound on the bytes read is a bound on the answer.
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class Answer:
    """The status and the JSON object of an answer; an empty object if it has none."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        self.status = status
        self.document = document


class ProviderClient:
    """An HTTP client that follows no redirects and keeps no cookies. `provider` names the provider to people."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=MAX_CONNECTIONS))
        self._client = httpx.AsyncClient(transport=transport, timeout=TIMEOUT_S, headers=_HEADERS)

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> Answer:
        """Raises OidcProviderUnavailable, OidcProviderFailed."""
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._client.stream(method, url, headers=headers, content=content) as response,
            ):
                if response.status_code >= 500:
                    raise OidcProviderUnavailable(self._provider, f"status {response.status_code}")
                if "content-encoding" in response.headers:
                    raise OidcProviderFailed(self._provider, "an encoded answer")
                body = bytearray()
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        raise OidcProviderFailed(self._provider, "an endless answer")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            raise OidcProviderUnavailable(self._provider, type(error).__name__) from error
        finally:
            self._client.cookies.clear()
        return Answer(response.status_code, self._object(bytes(body)))

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object at `url`. Raises OidcProviderUnavailable, OidcProviderFailed."""
        answer = await self.request("GET", url, headers=headers)
        if answer.status != 200:
            raise OidcProviderFailed(self._provider, f"status {answer.status}")
        return answer.document

    async def close(self) -> None:
        await self._client.aclose()

    def _object(self, body: bytes) -> dict[str, Any]:
        try:
            document = orjson.loads(body)
        except ValueError as error:
            raise OidcProviderFailed(self._provider, "no JSON") from error
        if not isinstance(document, dict):
            raise OidcProviderFailed(self._provider, "no object")
        return document


def is_safe_url(url: object, issuer: str) -> bool:
    """Whether tokens may be sent to `url`: over TLS, or on this machine if the provider is on it too."""
    if not isinstance(url, str):
        return False
    try:
        parts, of_issuer = urlsplit(url), urlsplit(issuer)
        host = parts.hostname or ""
    except ValueError:
        return False
    is_here = is_loopback(host) and is_loopback(of_issuer.hostname or "") and of_issuer.scheme == "http"
    return bool(host) and parts.username is None and (parts.scheme == "https" or (parts.scheme == "http" and is_here))
