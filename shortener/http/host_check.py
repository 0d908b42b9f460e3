"""While no login protects the API and the pages, answers them only under this service's own names.

A web page can point its own name at 127.0.0.1 (DNS rebinding). Browsers then treat this service as a part of that
page's site, and let the page read, change and delete links. Such requests have the page's name in `Host`.
"""

import ipaddress
import re
from html import escape
from typing import ClassVar

import ada_url
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shortener.errors import ShortenerError
from shortener.http import page
from shortener.http.problems import problem_of
from shortener.settings import Settings
from shortener.settings.values import is_loopback

# Load balancers and monitors request these by address, browsers and crawlers along with short links. Paths of short
# links never get here.
_FOR_ANY_HOST = frozenset(("/health/live", "/health/ready", "/robots.txt", "/favicon.ico"))
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_AUTHORITY = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d{0,5}))?", re.IGNORECASE)

# A host in its normal form, and the port; 0 is the default port, which clients omit.
Authority = tuple[str, int]


class MisdirectedRequest(ShortenerError):
    """`SHORTENER_ANONYMOUS_MANAGE` is on, and the `Host` of the request is neither the host of `SHORTENER_BASE_URL` nor
    this machine. Browsers get a small page.

    Use the address that `detail` names. If you did, let the proxy pass on `Host`; if that is not the address of the
    service, set `SHORTENER_BASE_URL`.
    """

    status, type, title = 421, "misdirected-request", "Misdirected request"

    def __init__(self, base_url: str) -> None:
        super().__init__(
            f"The address of this service is {base_url}, and it answers under no other. If that is the address that "
            "you used, a proxy in front of the service does not pass on the Host header. If the service has another "
            "address, set SHORTENER_BASE_URL to it."
        )


def read_authority(text: str) -> Authority | None:
    """The host and port in a `Host` header; None if it is malformed."""
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        return None
    host = match[1].lower().removesuffix(".")
    if host.startswith("["):
        try:
            host = f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]"
        except ValueError:
            return None
    return host, int(match[2] or 0)


def own_authorities(settings: Settings) -> frozenset[Authority]:
    """The authorities of the base URL, and of this machine with the port."""
    url = ada_url.URL(settings.base_url)
    default_port = 80 if url.protocol == "http:" else 443
    base = read_authority(url.host)
    assert base is not None
    base_host, base_port = base[0], base[1] or default_port
    own = {(base_host, base_port)} | {(name, settings.port) for name in _LOOPBACK}
    if is_loopback(base_host.strip("[]")):
        own |= {(name, base_port) for name in _LOOPBACK}
    return frozenset(own | {(host, 0) for host, port in own if port in {80, default_port}})


class HostCheck:
    """Refuses requests whose `Host` is not one of this service's own."""

    _headers: ClassVar[dict[str, str]] = {"Vary": "Accept", "Cache-Control": "private, no-store"}

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._own = own_authorities(settings)
        self._base_url = settings.base_url
        self._start = "/-/" if settings.dashboard else "/docs"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _FOR_ANY_HOST or self._is_own(scope):
            await self._app(scope, receive, send)
        else:
            await self._refusal(scope)(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        hosts = Headers(scope=scope).getlist("host")
        return len(hosts) == 1 and read_authority(hosts[0].strip()) in self._own

    def _refusal(self, scope: Scope) -> Response:
        error = MisdirectedRequest(self._base_url)
        if not page.is_for_people(Headers(scope=scope).get("accept", "").encode()):
            answer = problem_of(error)
            answer.headers.update(self._headers)
            return answer
        base_url = escape(self._base_url)
        # A link instead of a redirect, which would loop behind a proxy that replaces the host.
        html = escape(error.detail).replace(base_url, f'<a href="{base_url}{self._start}">{base_url}</a>', 1)
        headers = self._headers | {"Content-Security-Policy": page.CSP.decode()}
        return Response(page.page(error.title, html), error.status, headers, page.HTML.decode())
