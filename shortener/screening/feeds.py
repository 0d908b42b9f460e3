"""Feeds: external services that know bad URLs. Each is off unless its key is set."""

from typing import Any, Protocol

import httpx

from shortener.settings import Settings

TIMEOUT_S = 5.0
FEED_TITLES = {"web_risk": "Google Web Risk", "urlhaus": "URLhaus"}
_WEB_RISK_THREATS = ("MALWARE", "SOCIAL_ENGINEERING", "UNWANTED_SOFTWARE")


class FeedUnavailable(Exception):
    """The feed did not answer, or not with a valid answer."""


class Feed(Protocol):
    """An external service that knows bad URLs."""

    async def check(self, url: str) -> str | None:
        """The threat that the feed lists for a URL, or None. Raises FeedUnavailable."""


async def _ask(client: httpx.AsyncClient, method: str, url: str, **request: Any) -> dict[str, Any]:
    try:
        answer = await client.request(method, url, timeout=TIMEOUT_S, **request)
        answer.raise_for_status()
        body = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        # The error's text may contain the URL or the key.
        raise FeedUnavailable(type(error).__name__) from None
    if not isinstance(body, dict):
        raise FeedUnavailable("no object")
    return body


class WebRisk:
    """Google Web Risk's Lookup API."""

    def __init__(self, client: httpx.AsyncClient, key: str, address: str = "https://webrisk.googleapis.com") -> None:
        self._client = client
        self._key = key
        self._address = address

    async def check(self, url: str) -> str | None:
        """Raises FeedUnavailable."""
        answer = await _ask(
            self._client,
            "GET",
            f"{self._address}/v1/uris:search",
            params={"uri": url, "threatTypes": _WEB_RISK_THREATS},
            headers={"X-Goog-Api-Key": self._key},
        )
        if not answer:
            return None
        match answer:
            case {"threat": {"threatTypes": [*threats]}} if threats:
                return ", ".join(map(str, threats))
        raise FeedUnavailable("unknown form")


class UrlHaus:
    """abuse.ch's URLhaus."""

    def __init__(self, client: httpx.AsyncClient, key: str, address: str = "https://urlhaus-api.abuse.ch") -> None:
        self._client = client
        self._key = key
        self._address = address

    async def check(self, url: str) -> str | None:
        """Raises FeedUnavailable."""
        answer = await _ask(
            self._client, "POST", f"{self._address}/v1/url/", data={"url": url}, headers={"Auth-Key": self._key}
        )
        match answer:
            case {"query_status": "no_results"}:
                return None
            case {"query_status": "ok"}:
                return str(answer.get("threat") or "listed")
        raise FeedUnavailable("unknown form")


def feeds_of(settings: Settings, client: httpx.AsyncClient) -> dict[str, Feed]:
    """The feeds that are switched on, by the names under which their verdicts are stored."""
    feeds: dict[str, Feed] = {}
    if key := settings.web_risk_key.get_secret_value():
        feeds["web_risk"] = WebRisk(client, key)
    if key := settings.urlhaus_key.get_secret_value():
        feeds["urlhaus"] = UrlHaus(client, key)
    return feeds
