"""GET and HEAD /{code}: the answer that any ASGI server can give."""

import time
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from shortener.clicks.event import Click
from shortener.clicks.recorder import Recorder
from shortener.client_address import client_address, client_network
from shortener.errors import Gone, NotFound, ShortenerError
from shortener.rate_limit import RateLimits, Verdict
from shortener.redirect.pages import CSP, destination_body, error_body
from shortener.redirect.request import RedirectRequest, match_code, read_request
from shortener.redirect.resolver import Resolver
from shortener.redirect.target import Status, Target
from shortener.settings import Settings

# Cached by nobody, so that a link that was changed or taken down stops at once, and every visit is seen.
_CACHE_CONTROL = (b"cache-control", b"private, no-store")


class LinkNotFound(NotFound):
    type, title = "link-not-found", "No such link"


class LinkGone(Gone):
    type, title = "link-gone", "This link no longer works"


_GONE_DETAIL = {
    Status.DELETED: "The link was deleted.",
    Status.DISABLED: "The link was disabled by its owner.",
    Status.EXPIRED: "The link has expired.",
}


class Answer(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""


class Redirects:
    """Decides and gives the answer to a request for a code."""

    def __init__(self, resolver: Resolver, recorder: Recorder, limits: RateLimits, settings: Settings) -> None:
        self._resolver = resolver
        self._recorder = recorder
        self._limits = limits
        self._base_url = settings.base_url
        self._trusted_proxies = settings.trusted_proxies

    def address_of(self, scope: Scope) -> str:
        return client_address(scope, self._trusted_proxies)

    async def answer(self, request: RedirectRequest, address: str) -> Answer:
        """Throttle, resolve, record the click, answer. A redirect's click is stored when this returns."""
        client = client_network(address)
        verdicts: dict[str, Verdict] = {}
        try:
            # Without misses left a client learns nothing, also not which codes exist.
            verdicts = await self._limits.check(client, {"redirect": 1, "miss": 0})
            _refuse_beyond(verdicts)
            verdicts.pop("miss", None)
            target = await self._resolver.resolve(request.code)
            if target is None:
                verdicts |= await self._limits.check(client, {"miss": 1})
                # Requests that run at the same time may all have been told that one miss was left.
                _refuse_beyond(verdicts)
                raise LinkNotFound(f"There is no link /{request.code} here.")
            return await self._answer_target(request, target, address, verdicts)
        except ShortenerError as error:
            content_type, body = error_body(error, request.wants_page)
            extra = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
            return Answer(error.status, [*_headers(content_type, body, verdicts), *extra], body)

    async def _answer_target(
        self, request: RedirectRequest, target: Target, address: str, verdicts: dict[str, Verdict]
    ) -> Answer:
        now_s = time.time()
        status = target.status(now_s)
        if status is not Status.LIVE:
            raise LinkGone(_GONE_DETAIL[status])
        if request.is_preview:
            short_url = f"{self._base_url}/{request.code}"
            content_type, body = destination_body(request.code, short_url, target.url, request.wants_page)
            return Answer(200, _headers(content_type, body, verdicts), body)
        await self._recorder.record(
            Click(target.link_id, int(now_s * 1000), address, request.user_agent, request.referrer, request.mark)
        )
        location = (b"location", target.url.encode("ascii"))
        return Answer(302, [location, _CACHE_CONTROL, (b"content-length", b"0"), *_limit_headers(verdicts)])


def _refuse_beyond(verdicts: dict[str, Verdict]) -> None:
    """Raises TooManyRequests, and leaves only the verdict that refuses."""
    for policy, verdict in verdicts.items():
        if not verdict.is_allowed:
            for other in verdicts.keys() - {policy}:
                del verdicts[other]
            raise verdict.refusal()


def _limit_headers(verdicts: dict[str, Verdict]) -> list[tuple[bytes, bytes]]:
    """Those of the policy that will refuse first."""
    if not verdicts:
        return []
    tightest = min(verdicts.values(), key=lambda verdict: verdict.remaining)
    return [(name.lower().encode(), value.encode()) for name, value in tightest.headers()]


def _headers(content_type: bytes, body: bytes, verdicts: dict[str, Verdict]) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"vary", b"Accept"),
        (b"content-security-policy", CSP),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        _CACHE_CONTROL,
        *_limit_headers(verdicts),
    ]


class RedirectRouter:
    """Takes the paths that can be codes, and passes on all others."""

    def __init__(self, app: ASGIApp, reserved: frozenset[str]) -> None:
        self._app = app
        self._reserved = reserved

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = match_code(scope["path"]) if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} else None
        if found is None or found[0].lower() in self._reserved:
            await self._app(scope, receive, send)
            return
        redirects: Redirects = scope["app"].state.redirects
        request = read_request(*found, scope["method"], scope["headers"])
        answer = await redirects.answer(request, redirects.address_of(scope))
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": b"" if request.is_head else answer.body})
