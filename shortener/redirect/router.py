"""GET and HEAD /{code}: what is answered, and the route on which any ASGI server can answer it."""

import time
from collections.abc import Callable, Iterable
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from shortener.browser import protected
from shortener.clicks.event import Click
from shortener.clicks.recorder import Recorder
from shortener.client_address import TrustedProxies, client_network
from shortener.errors import ShortenerError
from shortener.rate_limit import Verdict
from shortener.redirect import answers
from shortener.redirect.answers import Answer
from shortener.redirect.cache import Absent, Cached
from shortener.redirect.consent import Consent
from shortener.redirect.request import RedirectRequest, match_code, read_request
from shortener.redirect.resolver import Resolver
from shortener.redirect.target import LIVE, Status, Target
from shortener.redirect.throttle import Throttle
from shortener.settings import Settings
from shortener.telemetry import AT_ONCE, REDIRECTS

METHODS = frozenset(("GET", "HEAD"))

# In the scope: what the protocol has already found out of the code.
_LOADED = "shortener.loaded"

_OUTCOMES = {
    200: "previewed",
    302: "redirected",
    404: "not_found",
    410: "gone",
    429: "throttled",
    503: "unavailable",
}


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
        self._base_url = settings.base_url
        self._form = answers.redirect_form(settings)
        self._proxies = proxies
        self._reserved = reserved

    def read(self, scope: Scope) -> RedirectRequest | None:
        """The request for a code; None when it is for something else."""
        found = self._match(scope) if scope["method"] in METHODS else None
        return None if found is None else self._read(scope, *found)

    def forbids(self, scope: Scope) -> bool:
        """Whether the path is a code's, and the method none that is known there."""
        return scope["method"] not in METHODS and self._match(scope) is not None

    def _match(self, scope: Scope) -> tuple[str, bool] | None:
        found = match_code(scope["path"])
        return None if found is None or found[0].lower() in self._reserved else found

    def _read(self, scope: Scope, code: str, is_preview: bool) -> RedirectRequest:
        address = self._proxies.client_of(scope)
        return read_request(code, is_preview, scope["method"], scope["headers"], address)

    def redirect_without_task(self, scope: Scope, send: Callable[[bytes], None], otherwise: Callable[[], None]) -> bool:
        """Redirect when the link is live and the client has something left: `send` is called with the headers when the
        click is stored. A link that memory does not know is looked up first; when it then is not to be redirected,
        `otherwise` is called, which shall `read` and `answer`. False: nothing was done, and that is the way at once.
        """
        if scope["method"] not in METHODS:
            return False
        # What memory holds has been a code before: the path needs no other check.
        found = self._resolver.peek(scope["path"][1:])
        if found is not None:
            return self._redirect(self._read(scope, scope["path"][1:], False), found, send, 1)
        request = self.read(scope)
        if request is None or request.is_preview:
            return False
        client, now_s = client_network(request.address), time.monotonic()
        # Who has nothing left looks nothing up.
        if self._throttle.exhausted("miss", client, now_s) or self._throttle.exhausted("redirect", client, now_s):
            return False
        self._resolver.load(request.code, partial(self._redirect_loaded, request, scope, send, otherwise))
        return True

    def _redirect_loaded(
        self,
        request: RedirectRequest,
        scope: Scope,
        send: Callable[[bytes], None],
        otherwise: Callable[[], None],
        found: Cached | Exception,
    ) -> None:
        if not self._redirect(request, found, send, 0):
            scope[_LOADED] = found
            otherwise()

    def _redirect(
        self, request: RedirectRequest, found: Cached | Exception, send: Callable[[bytes], None], from_memory: int
    ) -> bool:
        """Whether that could be done."""
        now_s = time.time()
        if not isinstance(found, Target) or found.status(now_s) is not LIVE:
            return False
        client = client_network(request.address)
        monotonic_s = time.monotonic()
        if self._throttle.exhausted("miss", client, monotonic_s) is not None:
            return False
        verdict = self._throttle.charge("redirect", client, monotonic_s)
        if verdict is not None and not verdict.is_allowed:
            return False
        AT_ONCE.redirects += 1
        AT_ONCE.from_memory += from_memory
        head = answers.redirect_head(self._form, found.url, verdict)
        self._recorder.record(_click(request, found, now_s), partial(send, head))
        return True

    async def answer(self, request: RedirectRequest, scope: Scope) -> Answer:
        """Throttle, resolve, record the click, answer. A redirect's click is stored when this returns."""
        try:
            answer = await self._decide(request, scope)
        except Exception:
            REDIRECTS.labels("failed").inc()
            raise
        REDIRECTS.labels(answer.outcome or _OUTCOMES.get(answer.status, "failed")).inc()
        return answer

    async def _decide(self, request: RedirectRequest, scope: Scope) -> Answer:
        loaded: Cached | Exception | None = scope.get(_LOADED)
        client = client_network(request.address)
        verdict: Verdict | None = None
        try:
            # Without misses left a client learns nothing, also not which codes exist.
            verdict = self._throttle.exhausted("miss", client, time.monotonic())
            _refuse_beyond(verdict)
            verdict = self._throttle.charge("redirect", client, time.monotonic())
            _refuse_beyond(verdict)
            if isinstance(loaded, Exception):
                raise loaded
            target = loaded or await self._resolver.resolve(request.code)
            if target is Absent.MISSING:
                verdict = self._charge_miss(client, verdict)
                # Requests that run at the same time may all have been told that one miss was left.
                _refuse_beyond(verdict)
                raise answers.not_found(request.code)
            return await self._answer_target(request, target, scope["query_string"], verdict)
        except ShortenerError as error:
            return answers.error(error, request.wants_page, verdict)

    def _charge_miss(self, client: str, redirect: Verdict | None) -> Verdict | None:
        """What is shown is the policy that will refuse first."""
        miss = self._throttle.charge("miss", client, time.monotonic())
        self._recorder.carry()
        # The miss first: of two with nothing left it is the one that refuses.
        return min((v for v in (miss, redirect) if v is not None), key=lambda v: v.remaining, default=None)

    async def _answer_target(
        self, request: RedirectRequest, target: Target, query: bytes, verdict: Verdict | None
    ) -> Answer:
        now_s = time.time()
        status = target.status(now_s)
        if status not in {Status.LIVE, Status.WARNED}:
            raise answers.gone(status)
        short_url = f"{self._base_url}/{request.code}"
        if status is Status.WARNED:
            theirs = request.code, target.url, client_network(request.address)
            # To ask where it leads is not to agree.
            if request.is_preview or not self._consent.is_given(query, *theirs):
                consent = self._consent.query(*theirs)
                return answers.warning(request.code, short_url, target.url, consent, request.wants_page, verdict)
        if request.is_preview:
            return answers.destination(request.code, short_url, target.url, request.wants_page, verdict)
        await self._recorder.store(_click(request, target, now_s))
        return answers.redirect(self._form, target.url, verdict)


def _refuse_beyond(verdict: Verdict | None) -> None:
    if verdict is not None and not verdict.is_allowed:
        raise verdict.refusal()


def _click(request: RedirectRequest, target: Target, now_s: float) -> Click:
    return Click(target.link_id, int(now_s * 1000), request.address, request.user_agent, request.referrer, request.mark)


class RedirectRouter:
    """Takes the requests for codes, and passes on all others. `protections` are the headers of what has a body."""

    def __init__(self, app: ASGIApp, protections: Iterable[tuple[bytes, bytes]]) -> None:
        self._app = app
        self._protections = list(protections)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        redirects: Redirects | None = None if scope["type"] != "http" else scope["app"].state.redirects
        request = None if redirects is None else redirects.read(scope)
        if redirects is not None and request is not None:
            answer = await redirects.answer(request, scope)
        elif redirects is not None and redirects.forbids(scope):
            answer = answers.method_not_allowed()
        else:
            await self._app(scope, receive, send)
            return
        headers = answer.headers if answer.status == 302 else protected(answer.headers, self._protections)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})
