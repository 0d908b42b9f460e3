"""GET and HEAD /{code}: what is answered, and the route on which any ASGI server answers it."""

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial

import msgspec
import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from shortener.clicks.event import Click
from shortener.clicks.recorder import Recorder
from shortener.errors import MethodNotAllowed, ShortenerError
from shortener.http.browser import protected
from shortener.http.client_address import TrustedProxies, client_network
from shortener.http.problems import problem_of
from shortener.limits.policies import Verdict, split_head
from shortener.redirect.answers import Answer, Answers
from shortener.redirect.cache import Absent, Cached
from shortener.redirect.consent import Consent
from shortener.redirect.decision import REDIRECT, decide, refusal
from shortener.redirect.head import Head
from shortener.redirect.metrics import AT_ONCE, REDIRECTS, RESOLVED
from shortener.redirect.request import (
    RedirectRequest,
    match_code,
    request_of_head,
    request_of_headers,
    shorter_code,
)
from shortener.redirect.resolver import Resolver
from shortener.redirect.target import LIVE, Status, Target
from shortener.redirect.throttle import Throttle
from shortener.settings import Settings

log = structlog.get_logger(__name__)

METHODS = frozenset(("GET", "HEAD"))
_ALLOW = {"Allow": "GET, HEAD"}
# Called with the answer, once.
Reply = Callable[[Answer], None]

# Members of an enum are slow to read.
_BANNED, _WARNED = Status.BANNED, Status.WARNED
_OUTCOMES = {
    name: REDIRECTS.labels(name)
    for name in ("previewed", "warned", "not_found", "gone", "banned", "throttled", "unavailable", "failed")
}
_FROM_MEMORY = RESOLVED.labels("memory")


class Redirects:
    """Decides and gives the answer to a request for a code."""

    def __init__(
        self,
        resolver: Resolver,
        recorder: Recorder,
        throttle: Throttle,
        proxies: TrustedProxies,
        settings: Settings,
        reserved: frozenset[str],
    ) -> None:
        self._resolver = resolver
        self._recorder = recorder
        self._throttle = throttle
        self._consent = Consent(settings.secret_key.get_secret_value())
        self._answers = Answers(settings)
        self._proxies = proxies
        self._reserved = reserved

    def read(self, scope: Scope) -> RedirectRequest | None:
        """The request for a code; None when it is for something else."""
        method = scope["method"]
        found = self._match(scope) if method in METHODS else None
        if found is None:
            return None
        address = self._proxies.client_of(scope)
        return request_of_headers(*found, method, scope["headers"], scope["query_string"], address)

    def read_head(self, head: Head, peer: str) -> RedirectRequest | None:
        """As `read`, of a head that came over a connection from the address `peer`."""
        if head.code.decode("ascii").lower() in self._reserved:
            return None
        return request_of_head(head, self._proxies.client_behind(peer, head.forwarded_for))

    def forbids(self, scope: Scope) -> bool:
        """Whether the path is a code's, and the method is not allowed there."""
        return scope["method"] not in METHODS and self._match(scope) is not None

    def _match(self, scope: Scope) -> tuple[str, bool] | None:
        found = match_code(scope["path"])
        return None if found is None or found[0].lower() in self._reserved else found

    def respond(self, request: RedirectRequest, reply: Reply) -> None:
        """Call `reply` with the answer: a redirect when its click is stored, any other answer as soon as it is known,
        which may be at once."""
        found = self._resolver.peek(request.code)
        if found is not None:
            self._answer(request, reply, 1, found)
            return
        client, clock_s = client_network(request.address), time.monotonic()
        # A client that has nothing left looks nothing up.
        verdict = refusal(request, self._throttle, client, clock_s)
        verdict = verdict or self._throttle.exhausted(REDIRECT, client, clock_s)
        if verdict is None:
            self._resolver.load(request.code, partial(self._answer, request, reply, 0))
        else:
            reply(self._refused(request, verdict))

    def _answer(self, request: RedirectRequest, reply: Reply, from_memory: int, found: Cached | Exception) -> None:
        """Answer by what was found of the code; `from_memory` is 1 or 0."""
        shorter = shorter_code(request.code) if found is Absent.MISSING else None
        if shorter is not None:
            self.respond(msgspec.structs.replace(request, code=shorter), reply)
            return
        try:
            answer = self._redirect_or_answer(request, reply, from_memory, found)
        except Exception as error:
            answer = self._failed(request, error)
        if answer is not None:
            reply(answer)

    def _redirect_or_answer(
        self, request: RedirectRequest, reply: Reply, from_memory: int, found: Cached | Exception
    ) -> Answer | None:
        """None when the answer is a redirect, which leaves when its click is stored."""
        if isinstance(found, Exception):
            raise found
        now_s = time.time()
        client = client_network(request.address)
        status, verdict = decide(request, found, self._throttle, client, now_s, time.monotonic())
        if status is _WARNED and self._agrees(request, found, client):
            status = LIVE
        if status is LIVE and isinstance(found, Target) and not request.is_preview:
            AT_ONCE.redirects += 1
            AT_ONCE.from_memory += from_memory
            answer = self._answers.redirect(found.url, verdict)
            self._recorder.record(_click(request, found, now_s), partial(reply, answer))
            return None
        if from_memory:
            _FROM_MEMORY.inc()
        if self._throttle.is_waiting:
            self._recorder.carry()
        return self._without_redirect(request, found, status, client, verdict)

    def _without_redirect(
        self, request: RedirectRequest, found: Cached, status: Status | None, client: str, verdict: Verdict | None
    ) -> Answer:
        if status is None:
            assert verdict is not None
            return self._refused(request, verdict)
        if not isinstance(found, Target):
            _OUTCOMES["not_found"].inc()
            return self._answers.not_found(request, verdict)
        if status is _WARNED:
            _OUTCOMES["warned"].inc()
            consent = self._consent.query(request.code, found.url, client)
            return self._answers.warning(request, found, consent, verdict)
        if status is LIVE:
            _OUTCOMES["previewed"].inc()
            return self._answers.destination(request, found, verdict)
        _OUTCOMES["banned" if status is _BANNED else "gone"].inc()
        return self._answers.gone(status, request, verdict)

    def _agrees(self, request: RedirectRequest, found: Cached, client: str) -> bool:
        """Whether the client has agreed to follow the link. To ask where it leads is not to agree."""
        return (
            isinstance(found, Target)
            and not request.is_preview
            and self._consent.is_given(request.query, request.code, found.url, client)
        )

    def _refused(self, request: RedirectRequest, verdict: Verdict) -> Answer:
        _OUTCOMES["throttled"].inc()
        return self._answers.error(verdict.refusal(), request, verdict)

    def _failed(self, request: RedirectRequest, error: Exception) -> Answer:
        if not isinstance(error, ShortenerError):
            log.error("redirect_failed", code=request.code, exc_info=error)
            error = ShortenerError("The request could not be answered; the reason is in the server's log.")
        _OUTCOMES["unavailable" if error.status == 503 else "failed"].inc()
        return self._answers.error(error, request, None)


def _click(request: RedirectRequest, target: Target, now_s: float) -> Click:
    return Click(target.link_id, int(now_s * 1000), request.address, request.user_agent, request.referrer, request.mark)


class RedirectRouter:
    """Takes the requests for codes, and passes on all others. `protections` are the headers of every answer that a
    browser may show."""

    def __init__(self, app: ASGIApp, protections: Iterable[tuple[bytes, bytes]]) -> None:
        self._app = app
        self._protections = list(protections)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        redirects: Redirects | None = None if scope["type"] != "http" else scope["app"].state.redirects
        request = None if redirects is None else redirects.read(scope)
        if redirects is not None and request is not None:
            answer = await _answer_to(request, redirects)
            await send({"type": "http.response.start", "status": answer.status, "headers": split_head(answer.head)})
            await send({"type": "http.response.body", "body": answer.body})
        elif redirects is not None and redirects.forbids(scope):
            refusal = problem_of(MethodNotAllowed("A short link is only followed: GET, HEAD.", headers=_ALLOW))
            refusal.raw_headers = protected(refusal.raw_headers, self._protections)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def _answer_to(request: RedirectRequest, redirects: Redirects) -> Answer:
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    redirects.respond(request, lambda answer: None if answered.done() else answered.set_result(answer))
    return await answered
