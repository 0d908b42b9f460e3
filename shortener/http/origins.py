"""Which pages may open a WebSocket, and change anything while no login protects the API. Browsers say whose page it is,
and let no page change that."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from shortener.http.browser import OriginRefused
from shortener.http.host_check import own_authorities, read_authority
from shortener.http.problems import problem_of
from shortener.settings import Settings

_READS = ("GET", "HEAD", "OPTIONS")


class Origins:
    """Our own pages, and those of the origins that may use the API. Programs send no `Origin`."""

    def __init__(self, settings: Settings) -> None:
        self._own = own_authorities(settings)
        self._api_hosts = frozenset(settings.api_hosts)
        self._others = frozenset(settings.cors_origins)

    def check(self, origin: str | None) -> None:
        """Raises OriginRefused."""
        if origin is None or origin in self._others or "*" in self._others:
            return
        authority = read_authority(urlsplit(origin).netloc)
        if authority is None or not (authority in self._own or authority[0] in self._api_hosts):
            raise OriginRefused


class OriginCheck:
    """Refuses changes by the API that pages of other sites ask for. A browser sends a POST without a body to any site,
    and only keeps the answer from the page."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._origins = Origins(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _READS and scope["path"].startswith("/api/"):
            try:
                self._origins.check(Headers(scope=scope).get("origin"))
            except OriginRefused as error:
                await problem_of(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)
