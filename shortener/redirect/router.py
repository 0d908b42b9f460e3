"""GET and HEAD /{code}: what is answered."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import quote

import msgspec
import structlog
from starlette.types import Receive, Scope

from shortener.clicks.event import MAX_LANGUAGES, MAX_QUERY, Choice, Click, Source
from shortener.clicks.recorder import Recorder
from shortener.errors import BadRequest, InternalError, ShortenerError
from shortener.hashing.passwords import PasswordHashes
from shortener.http.client_address import TrustedProxies, client_network
from shortener.limits.policies import LimitVerdict
from shortener.places.locator import Locate
from shortener.redirect.answers import Answer, Answers, reason_against
from shortener.redirect.cache import Absent, Found
from shortener.redirect.consent import Consent
from shortener.redirect.decision import MISS, REDIRECT, decide, refusal
from shortener.redirect.errors import LinkNotFound
from shortener.redirect.following import Attempt, Following, Reply, falls_back
from shortener.redirect.head import CODE, FORWARDED_FOR, HOST, Head
from shortener.redirect.hosts import Hosts, host_of
from shortener.redirect.metrics import AT_ONCE, REDIRECTS, RESOLVED
from shortener.redirect.quotas import Quotas
from shortener.redirect.request import (
    CodePath,
    RedirectRequest,
    match_code,
    request_of_head,
    request_of_headers,
    shorter_code,
)
from shortener.redirect.resolver import Resolver
from shortener.redirect.source import PARAMETER, source_of
from shortener.redirect.target import LIVE, Status, Target
from shortener.redirect.throttle import Throttle
from shortener.redirect.unlocking import Cookies, Unlocker, read_password
from shortener.settings import Settings
from shortener.stores.database import Database

log = structlog.get_logger(__name__)

METHODS = frozenset(("GET", "HEAD"))
# A link with such a status is opened by its password.
_ENTERED = frozenset((Status.LIVE, Status.WARNED))
# Behind the code of a link with public figures: their page, and their badge.
PUBLIC_PATHS = frozenset(("stats", "badge.svg"))
_NO_PASSWORD = BadRequest("Send the form field `password`, in a body of at most 4096 bytes.")

# Members of an enum are slow to read.
_MISSING: Final = Absent.MISSING
_BANNED, _SCHEDULED, _WARNED = Status.BANNED, Status.SCHEDULED, Status.WARNED
_NAMES = "previewed", "warned", "not_found", "scheduled", "gone", "banned", "throttled", "unavailable", "failed"
_OUTCOMES = {name: REDIRECTS.labels(name) for name in _NAMES}
_LINK: Final = Source.LINK
_FROM_MEMORY = RESOLVED.labels("memory")


# Called with each request for a code that does not exist.
Missed = Callable[[RedirectRequest], None]


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
        hosts: Hosts,
        quotas: Quotas,
        locate: Locate,
        database: Database,
        hashes: PasswordHashes,
        missed: Missed,
    ) -> None:
        self._resolver = resolver
        self._recorder = recorder
        self._throttle = throttle
        secret = settings.secret_key.get_secret_value()
        self._consent = Consent(secret)
        self._answers = Answers(settings, hosts)
        cookies = Cookies(secret, settings.base_url.startswith("https:"), settings.ignores_case)
        self._unlocker = Unlocker(database, hashes, throttle, cookies, self._answers, recorder.carry)
        permanent_s = settings.permanent_redirect_s
        self._following = Following(self._answers, quotas, cookies, locate, secret, permanent_s, self._follow)
        self._proxies = proxies
        self._reserved = reserved
        self._hosts = hosts
        self._prefixes = hosts.prefixes
        self._ignores_case = settings.ignores_case
        self._missed = missed

    @property
    def is_answering(self) -> bool:
        """Whether requests wait for Redis."""
        return self._recorder.is_sending

    def read(self, scope: Scope) -> RedirectRequest | None:
        """The request for a code; None when it is for something else."""
        return self._request(scope) if scope["method"] in METHODS else None

    def read_form(self, scope: Scope) -> RedirectRequest | None:
        """As `read`, of a request that may bring a link's password."""
        return self._request(scope) if scope["method"] == "POST" else None

    def _request(self, scope: Scope) -> RedirectRequest | None:
        found = self._match(scope)
        return None if found is None else self._request_for(found, scope)

    def _request_for(self, found: CodePath, scope: Scope) -> RedirectRequest:
        method = scope["method"]
        address = self._proxies.client_of(scope)
        # A server need not give the path as it was sent.
        raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
        return request_of_headers(found, raw_path, method, scope["headers"], scope["query_string"], address)

    def read_head(self, head: Head, data: bytes, peer: str) -> RedirectRequest | None:
        """As `read`, of a head that came as `data` over a connection from the address `peer`."""
        code = head[CODE].decode("ascii")
        lower = code.lower()
        if lower in self._reserved:
            return None
        code = lower if self._ignores_case else code
        prefix = self._prefixes.get(head[HOST])
        if prefix is None:
            prefix = self._hosts.prefix_of(head[HOST])
            if prefix is None:
                return None
        if prefix:
            code = prefix + code
        return request_of_head(head, data, code, self._proxies.client_behind(peer, head[FORWARDED_FOR]))

    def forbids(self, scope: Scope) -> bool:
        """Whether the path is a code's, and the method is not allowed there."""
        found = self._match(scope) if scope["method"] not in METHODS else None
        return found is not None and not found.has_rest

    def _match(self, scope: Scope) -> CodePath | None:
        found = match_code(scope["path"])
        lower = "" if found is None else found.code.lower()
        if found is None or lower in self._reserved:
            return None
        stored_code = self._stored(lower if self._ignores_case else found.code, scope)
        return None if stored_code is None else found._replace(code=stored_code)

    def _stored(self, code: str, scope: Scope) -> str | None:
        """The code as it is stored for the host of the request; None for a host without links."""
        prefix = self._hosts.prefix_of(host_of(scope))
        return None if prefix is None else prefix + code

    async def unlock(self, request: RedirectRequest, receive: Receive) -> Answer | None:
        """The answer to a link's password; None for a link that has none."""
        found = await self._found(request)
        if not isinstance(found, Target) or found.extras is None or not found.extras.password_tag:
            return None
        if found.status(time.time()) not in _ENTERED:
            return None
        password = await read_password(receive)
        if password is None:
            return self._answers.error(_NO_PASSWORD, request, None)
        try:
            return await self._unlocker.enter(request, found, password)
        except Exception as error:
            return self._failed(request, error)

    async def takes_path(self, request: RedirectRequest) -> bool:
        """Whether the answer to a request with a path behind the code is the link's. Otherwise a miss is counted, so
        that such paths find no codes that others would not."""
        found = await self._found(request)
        if not isinstance(found, Target | Absent):
            return found is None or isinstance(found, Exception)
        if isinstance(found, Target) and found.options.has_public_stats and request.rest in PUBLIC_PATHS:
            return False
        if isinstance(found, Target) and found.options.forward_path:
            return True
        self._throttle.charge(MISS, client_network(request.address), time.monotonic())
        return False

    def stored_code(self, code: str, scope: Scope) -> str:
        """The code as it is stored for the host of the request. Raises LinkNotFound for a host without links."""
        stored = self._stored(code.lower() if self._ignores_case else code, scope)
        if stored is None:
            raise LinkNotFound(f"The link /{code} does not exist here.")
        return stored

    async def look_up(self, stored_code: str, scope: Scope) -> Target:
        """The link of this code, for another page about it. A client that cannot follow the link gets the redirect's
        error, and is charged as for a redirect. Raises ShortenerError."""
        request = self._request_for(CodePath(stored_code, is_preview=True), scope)
        found = await self._found(request)
        if isinstance(found, Exception):
            raise found
        client, clock_s = client_network(request.address), time.monotonic()
        decision = decide(request, found or _MISSING, self._throttle, client, time.time(), clock_s)
        if self._throttle.is_waiting:
            self._recorder.carry()
        if decision.status is None:
            assert decision.verdict is not None
            raise decision.verdict.refusal()
        reason = reason_against(decision.status, stored_code)
        if reason is not None:
            if decision.status is Status.MISSING:
                self._missed(request)
            raise reason
        assert isinstance(found, Target)
        return found

    async def _found(self, request: RedirectRequest) -> Found | Exception | None:
        """None for a client that has nothing left."""
        client, clock_s = client_network(request.address), time.monotonic()
        if refusal(request, self._throttle, client, clock_s) is not None:
            return None
        found = self._resolver.peek(request.code)
        if found is None:
            loaded: asyncio.Future[Found | Exception] = asyncio.get_running_loop().create_future()
            self._resolver.load(request.code, lambda value: None if loaded.done() else loaded.set_result(value))
            return await loaded
        return found

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

    def _answer(self, request: RedirectRequest, reply: Reply, from_memory: int, found: Found | Exception) -> None:
        """Answer by what was found of the code; `from_memory` is 1 or 0."""
        shorter = shorter_code(request.code) if found is _MISSING else None
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
        self, request: RedirectRequest, reply: Reply, from_memory: int, found: Found | Exception
    ) -> Answer | None:
        """None when the answer is a redirect, which leaves when its click is stored."""
        if isinstance(found, Exception):
            raise found
        now_s = time.time()
        client = client_network(request.address)
        decision = decide(request, found, self._throttle, client, now_s, time.monotonic())
        status, verdict = decision.status, decision.verdict
        if status is _WARNED and self._agrees(request, found, client):
            status = LIVE
        if isinstance(found, Target) and not request.is_preview:
            extras = found.extras
            if status is LIVE and extras is None:
                AT_ONCE.redirects += 1
                AT_ONCE.from_memory += from_memory
                answer = self._answers.redirect(found.url, verdict)
                self._recorder.record(_click(request, found, now_s), partial(reply, answer))
                return None
            if extras is not None and (status is LIVE or falls_back(extras, status)):
                AT_ONCE.from_memory += from_memory
                attempt = Attempt(request, found, extras, verdict, now_s, reply)
                if status is LIVE:
                    self._following.try_to_follow(attempt)
                else:
                    self._following.fall_back(attempt)
                return None
        if from_memory:
            _FROM_MEMORY.inc()
        if self._throttle.is_waiting:
            self._recorder.carry()
        return self._without_redirect(request, found, status, client, verdict)

    def _follow(self, attempt: Attempt, answer: Answer, choice: Choice) -> None:
        AT_ONCE.redirects += 1
        click = _click(attempt.request, attempt.target, attempt.now_s, choice)
        self._recorder.record(click, partial(attempt.reply, answer))

    def _without_redirect(
        self, request: RedirectRequest, found: Found, status: Status | None, client: str, verdict: LimitVerdict | None
    ) -> Answer:
        if status is None:
            assert verdict is not None
            return self._refused(request, verdict)
        if not isinstance(found, Target):
            _OUTCOMES["not_found"].inc()
            self._missed(request)
            return self._answers.not_found(request, verdict)
        if status is _WARNED:
            _OUTCOMES["warned"].inc()
            consent = self._consent.query(request.code, found.url, client)
            if source_of(request.query) is Source.QR:
                consent += f"&{PARAMETER}"
            return self._answers.warning(request, found, consent, verdict)
        if status is LIVE:
            return self._told(request, found, verdict)
        if status is _SCHEDULED:
            _OUTCOMES["scheduled"].inc()
            return self._answers.scheduled(request, verdict)
        _OUTCOMES["banned" if status is _BANNED else "gone"].inc()
        return self._answers.gone(status, request, verdict)

    def _told(self, request: RedirectRequest, target: Target, verdict: LimitVerdict | None) -> Answer:
        """Where a link leads, unless that is for those who know its password, or uses it up."""
        if target.extras is not None and target.extras.password_tag:
            return self._answers.locked(request, verdict)
        if target.extras is not None and target.extras.max_clicks is not None:
            return self._answers.withheld(request, verdict)
        _OUTCOMES["previewed"].inc()
        return self._answers.destination(request, target, verdict)

    def _agrees(self, request: RedirectRequest, found: Found, client: str) -> bool:
        """Whether the client has agreed to follow the link. To ask where it leads is not to agree."""
        return (
            isinstance(found, Target)
            and not request.is_preview
            and self._consent.is_given(request.query, request.code, found.url, client)
        )

    def _refused(self, request: RedirectRequest, verdict: LimitVerdict) -> Answer:
        _OUTCOMES["throttled"].inc()
        return self._answers.error(verdict.refusal(), request, verdict)

    def _failed(self, request: RedirectRequest, error: Exception) -> Answer:
        if not isinstance(error, ShortenerError):
            log.error("redirect_failed", code=request.code, exc_info=error)
            error = InternalError("The request could not be answered; the reason is in the server's log.")
        _OUTCOMES["unavailable" if error.status == 503 else "failed"].inc()
        return self._answers.error(error, request, None)


def _click(request: RedirectRequest, target: Target, now_s: float, choice: Choice | None = None) -> Click:
    query = request.query
    return Click(
        target.link_id,
        int(now_s * 1000),
        request.address,
        request.user_agent,
        request.referrer,
        request.mark,
        choice,
        source_of(query) if query else _LINK,
        query[:MAX_QUERY],
        request.languages[:MAX_LANGUAGES],
    )
