"""Security headers and CORS."""

from collections.abc import Iterable, Mapping

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shortener.errors import Forbidden
from shortener.http.problems import problem_of
from shortener.settings import Settings

RawHeaders = list[tuple[bytes, bytes]]

# Answers that are not pages must not load or run anything, even if a browser shows them as a page.
CSP = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_CSP_NAME = b"content-security-policy"
# One year, as preload lists require.
_HSTS = {"off": b"", "host": b"max-age=31536000", "subdomains": b"max-age=31536000; includeSubDomains"}

# The address of a page may contain a code or token, so it is not sent to others.
_ALWAYS: RawHeaders = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]

_API = "/api/"
# Answers of the API are for one caller, and true only at that moment.
_OF_API: RawHeaders = [(b"cache-control", b"private, no-store")]
_ALLOWED_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ALLOWED_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "X-API-Key")
_EXPOSED_HEADERS = (
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
)
_PREFLIGHT_AGE_S = 600


class OriginRefused(Forbidden):
    """A browser asks whether a page of another origin may use the API, or sends what that page asks for while
    `SHORTENER_ANONYMOUS_MANAGE` is on; and the page may not.

    See `SHORTENER_CORS_ORIGINS`.
    """

    type, title = "origin-refused", "Origin refused"

    def __init__(self) -> None:
        super().__init__("Pages of this origin may not use the API in this way; see SHORTENER_CORS_ORIGINS.")


def hsts(settings: Settings) -> bytes:
    """The value of Strict-Transport-Security; empty without TLS."""
    return _HSTS[settings.hsts] if settings.base_url.startswith("https:") else b""


def protections(settings: Settings, csp: bytes = CSP) -> RawHeaders:
    """Headers for every answer that a browser may show."""
    value = hsts(settings)
    transport = [(b"strict-transport-security", value)] if value else []
    return [(_CSP_NAME, csp), *_ALWAYS, *transport]


def protections_of(path: str, headers: RawHeaders) -> RawHeaders:
    """Headers for every answer, with those of the path."""
    return [*headers, *_OF_API] if path.startswith(_API) else headers


class BrowserProtection:
    """Adds the headers of the path to every answer that does not set them itself."""

    def __init__(self, app: ASGIApp, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._app = app
        self._headers = list(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = protections_of(scope["path"], self._headers)

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = protected(message["headers"], headers)
            await send(message)

        await self._app(scope, receive, send_protected)


def protected(headers: Iterable[tuple[bytes, bytes]], added: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    own = list(headers)
    names = {name.lower() for name, _ in own}
    return own + [(name, value) for name, value in added if name not in names]


class ApiCors:
    """Lets pages of the origins in the settings use the API, but never with cookies. Browsers do not add tokens or keys
    by themselves, so `*` gives a page no more than any program has."""

    def __init__(self, app: ASGIApp, origins: Iterable[str]) -> None:
        self._app = app
        self._cors = _Cors(
            app,
            allow_origins=tuple(origins),
            allow_methods=_ALLOWED_METHODS,
            allow_headers=_ALLOWED_HEADERS,
            expose_headers=_EXPOSED_HEADERS,
            allow_credentials=False,
            max_age=_PREFLIGHT_AGE_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and scope["path"].startswith(_API)
        await (self._cors if is_api else self._app)(scope, receive, send)


class _Cors(CORSMiddleware):
    """Starlette's errors would be plain text; these are problem documents."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        refusal = problem_of(OriginRefused())
        refusal.headers.update(_without_body(answer.headers))
        return refusal


def _without_body(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not name.startswith("content-")}
