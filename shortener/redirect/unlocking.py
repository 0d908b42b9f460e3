"""Passwords of links: checking one, and the cookie that opens one link for an hour."""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs

from starlette.types import Receive

from shortener.hashing.passwords import PasswordHashes
from shortener.http.client_address import client_network
from shortener.redirect.answers import Answer, Answers
from shortener.redirect.decision import CLIENT_TRIES, LINK_TRIES
from shortener.redirect.hosts import path_of
from shortener.redirect.metrics import REDIRECTS
from shortener.redirect.request import RedirectRequest
from shortener.redirect.target import Target
from shortener.redirect.throttle import Throttle
from shortener.redirect.visit import Visit
from shortener.stores.database import Database

LIFETIME_S = 3600
MAX_BODY_BYTES = 4096
_SELECT = "SELECT password_hash FROM links WHERE id = $1 AND deleted_at IS NULL"
_OUTCOMES = {name: REDIRECTS.labels(name) for name in ("unlocked", "wrong_password", "throttled")}


class Cookies:
    """Makes and checks cookies; every process can with the same secret. Another password makes others of them."""

    def __init__(self, secret: str, is_secure: bool, ignores_case: bool) -> None:
        self._key = hashlib.sha256(b"unlocked:" + secret.encode()).digest()
        self._attributes = f"; Max-Age={LIFETIME_S}; HttpOnly; SameSite=Lax" + ("; Secure" if is_secure else "")
        self._ignores_case = ignores_case

    def header(self, target: Target, path: str) -> str:
        """The value of Set-Cookie."""
        until_s = int(time.time()) + LIFETIME_S
        # Browsers compare paths with regard to case.
        path = "/" if self._ignores_case else path
        return f"{_name(target)}={until_s}.{self._signature(target, until_s)}; Path={path}{self._attributes}"

    def are_shown(self, visit: Visit, target: Target) -> bool:
        """Whether the request has a cookie for the link and its present password that is not over."""
        beginning = f"{_name(target)}=".encode()
        for part in visit.header(b"cookie").split(b";"):
            pair = part.strip()
            if pair.startswith(beginning):
                return self._is_good(pair[len(beginning) :].decode("latin-1"), visit.now_s, target)
        return False

    def _is_good(self, value: str, now_s: float, target: Target) -> bool:
        until, _, signature = value.partition(".")
        if not (until.isascii() and until.isdigit() and len(until) < 15) or int(until) <= now_s:
            return False
        return hmac.compare_digest(signature.encode(), self._signature(target, int(until)).encode())

    def _signature(self, target: Target, until_s: int) -> str:
        tag = "" if target.extras is None else target.extras.password_tag
        message = f"{target.link_id}\n{tag}\n{until_s}".encode()
        return hmac.digest(self._key, message, "sha256").hex()[:32]


def _name(target: Target) -> str:
    return f"unlocked-{target.link_id:x}"


class Unlocker:
    """Answers a client that enters a password. `carry` sends the counts of the throttle."""

    def __init__(
        self,
        database: Database,
        hashes: PasswordHashes,
        throttle: Throttle,
        cookies: Cookies,
        answers: Answers,
        carry: Callable[[], None],
    ) -> None:
        self._database = database
        self._hashes = hashes
        self._throttle = throttle
        self._cookies = cookies
        self._answers = answers
        self._carry = carry

    async def enter(self, request: RedirectRequest, target: Target, password: str) -> Answer:
        """A way back to the link with a cookie, or what is wrong. Raises ShortenerError."""
        counted = ((CLIENT_TRIES, client_network(request.address)), (LINK_TRIES, str(target.link_id)))
        # Counted as wrong before it is checked: of many sent at once, only as many are checked as the limit allows.
        for n, (policy, who) in enumerate(counted):
            verdict = self._throttle.charge(policy, who, time.monotonic())
            if verdict is not None and not verdict.is_allowed:
                self._refund(counted[:n])
                _OUTCOMES["throttled"].inc()
                return self._answers.error(verdict.refusal(), request, verdict)
        self._carry()
        try:
            is_right = await self._is_right(target.link_id, password)
        except BaseException:  # Nobody has looked at the password.
            self._refund(counted)
            raise
        if not is_right:
            _OUTCOMES["wrong_password"].inc()
            return self._answers.wrong_password(request)
        self._refund(counted)
        _OUTCOMES["unlocked"].inc()
        query = f"?{request.query.decode('ascii', 'replace')}" if request.query else ""
        path = path_of(request.code)
        location = f"{path}/{request.rest}" if request.rest else path
        return self._answers.unlocked(location + query, self._cookies.header(target, path))

    def _refund(self, counted: Iterable[tuple[str, str]]) -> None:
        for policy, who in counted:
            self._throttle.refund(policy, who)

    async def _is_right(self, link_id: int, password: str) -> bool:
        async with self._database.driver_connection() as connection:
            known: str | None = await connection.fetchval(_SELECT, link_id)
        return known is not None and (await self._hashes.verify(password, known)).is_right


async def read_password(receive: Receive) -> str | None:
    """The form field `password` of a request's body; None when there is none, or the body is too large."""
    body, more = b"", True
    while more and len(body) <= MAX_BODY_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if len(body) > MAX_BODY_BYTES:
        return None
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    return fields.get("password", [None])[0]
