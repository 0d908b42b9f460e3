"""The answers that a request for a code can get, as the bytes that are sent."""

from urllib.parse import quote

import msgspec
import structlog

from shortener.errors import ServiceUnavailable, ShortenerError
from shortener.http import page
from shortener.http.browser import CSP, hsts, protections
from shortener.limits.policies import LimitVerdict
from shortener.redirect.errors import LinkBanned, LinkGone, LinkLocked, LinkNotFound, LinkScheduled
from shortener.redirect.hosts import Hosts, Site, path_of, short_url, split_code
from shortener.redirect.options import Options, Preview
from shortener.redirect.pages import (
    Content,
    card_content,
    destination_content,
    error_content,
    locked_content,
    warning_content,
    withheld_content,
)
from shortener.redirect.request import RedirectRequest
from shortener.redirect.target import Status, Target
from shortener.settings import Settings

log = structlog.get_logger(__name__)

# No cache may keep an answer, so that a link that was changed or taken down stops at once, and every visit is seen.
_CACHE_CONTROL = b"cache-control: private, no-store\r\n"
# Search engines are to list the destination, not the short link.
_NO_INDEX = b"x-robots-tag: noindex\r\n"
_CHALLENGE = b'www-authenticate: Password realm="short link"\r\n'
_ENDED = frozenset((Status.EXPIRED, Status.USED_UP))
# Stand for the path and the short URL in a body that is made before they are known.
_PATH, _SHORT_URL = "{path}", "{short_url}"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Status, header lines each with its end, and body."""

    status: int
    head: bytes
    body: bytes


def _not_found(path: str) -> ShortenerError:
    return LinkNotFound(f"The link {path} does not exist here.")


_SCHEDULED = LinkScheduled("The link begins to work later.")
_LOCKED = LinkLocked("Open the short link in a browser, or send the password as the form field `password` by POST.")
_WRONG = LinkLocked("The password is wrong.")
_UNDECIDED = ServiceUnavailable(
    "It cannot be found out right now whether the link may still be followed. Try again.", headers={"Retry-After": "5"}
)
_REASONS: dict[Status, ShortenerError] = {
    Status.DELETED: LinkGone("The link was deleted."),
    Status.DISABLED: LinkGone("The link was disabled by its owner."),
    Status.EXPIRED: LinkGone("The link has expired."),
    Status.USED_UP: LinkGone("The link was followed as often as it may be."),
    Status.BANNED: LinkBanned("The link, or the place that it led to, breaks the rules of this service."),
}


def reason_against(status: Status, code: str) -> ShortenerError | None:
    """Why a link of this status is not followed; None for one that is."""
    if status is Status.MISSING:
        return _not_found(path_of(code))
    return _SCHEDULED if status is Status.SCHEDULED else _REASONS.get(status)


class Answers:
    """Makes answers from forms that are filled in: their constant parts are built once."""

    def __init__(self, settings: Settings, hosts: Hosts) -> None:
        self._base_url = settings.base_url
        # On the service's own host: domains have no dashboard.
        self._report_url = f"{settings.base_url}/-/report" if settings.dashboard else ""
        self._hosts = hosts
        self._redirect_form = _redirect_form(settings)
        self._content_form = _content_form(settings, page.CSP)
        self._form_with_form = _content_form(settings, page.CSP_WITH_FORM)
        reasons = {**_REASONS, Status.MISSING: _not_found(_PATH), Status.SCHEDULED: _SCHEDULED}
        self._reasons = {
            (status, wants_page): _content_to_fill(error, wants_page, self._report_url)
            for status, error in reasons.items()
            for wants_page in (False, True)
        }

    def redirect(self, url: str, verdict: LimitVerdict | None) -> Answer:
        head = self._redirect_form % url.encode("ascii")
        return Answer(302, head if verdict is None else head + verdict.head(), b"")

    def redirect_with(self, url: str, options: Options, max_age_s: int, verdict: LimitVerdict | None) -> Answer:
        """A redirect of a link with options, which a browser may remember for `max_age_s`."""
        head = self.redirect(url, verdict).head
        if max_age_s:
            head = head.replace(_CACHE_CONTROL, b"cache-control: private, max-age=%d\r\n" % max_age_s)
        if options.is_indexable:
            head = head.replace(_NO_INDEX, b"")
        return Answer(options.redirect_status, head, b"")

    def not_found(self, request: RedirectRequest, verdict: LimitVerdict | None) -> Answer:
        site = self._site(request)
        if site is not None and site.not_found_url is not None:
            return self.redirect(site.not_found_url, verdict)
        return self._with_content(404, self._reason(Status.MISSING, request), request, verdict)

    def gone(self, status: Status, request: RedirectRequest, verdict: LimitVerdict | None) -> Answer:
        """For a link that is deleted, disabled, expired, used up or banned."""
        site = self._site(request) if status in _ENDED else None
        if site is not None and site.expired_url is not None:
            return self.redirect(site.expired_url, verdict)
        return self._with_content(410, self._reason(status, request), request, verdict)

    def _reason(self, status: Status, request: RedirectRequest) -> Content:
        """Why the link is not followed, and where people can report it."""
        content_type, form = self._reasons[status, request.wants_page]
        values = {b"path": path_of(request.code).encode("ascii")}
        if request.wants_page:
            values[b"short_url"] = quote(self._short_url(request), safe="").encode()
        return content_type, form % values

    def error(self, error: ShortenerError, request: RedirectRequest, verdict: LimitVerdict | None) -> Answer:
        answer = self._with_content(error.status, error_content(error, request.wants_page), request, verdict)
        extra = (f"{name.lower()}: {value}\r\n" for name, value in error.headers.items())
        return msgspec.structs.replace(answer, head=answer.head + "".join(extra).encode())

    def destination(self, request: RedirectRequest, target: Target, verdict: LimitVerdict | None) -> Answer:
        """Where the link leads, without going there."""
        code = split_code(request.code)[1]
        stats_url = f"{self._short_url(request)}/stats" if target.options.has_public_stats else None
        content = destination_content(
            code, self._short_url(request), target.url, request.wants_page, self._report_url, stats_url
        )
        return self._with_content(200, content, request, verdict)

    def warning(self, request: RedirectRequest, target: Target, consent: str, verdict: LimitVerdict | None) -> Answer:
        """Where a suspicious link leads, and how to follow it all the same."""
        code = split_code(request.code)[1]
        content = warning_content(
            code, self._short_url(request), target.url, consent, request.wants_page, self._report_url
        )
        return self._with_content(200, content, request, verdict)

    def scheduled(self, request: RedirectRequest, verdict: LimitVerdict | None) -> Answer:
        """For a link that has not begun."""
        return self._with_content(404, self._reason(Status.SCHEDULED, request), request, verdict)

    def locked(self, request: RedirectRequest, verdict: LimitVerdict | None) -> Answer:
        """For a client that has to enter the password first: a form for people."""
        status = 200 if request.wants_page else 401
        return self._password_wanted(status, _LOCKED, "", request, verdict)

    def wrong_password(self, request: RedirectRequest) -> Answer:
        return self._password_wanted(401, _WRONG, _WRONG.detail, request, None)

    def _password_wanted(
        self, status: int, error: ShortenerError, fault: str, request: RedirectRequest, verdict: LimitVerdict | None
    ) -> Answer:
        content = locked_content(fault) if request.wants_page else error_content(error, False)
        form = self._form_with_form if request.wants_page else None
        answer = self._with_content(status, content, request, verdict, form)
        return answer if status == 200 else msgspec.structs.replace(answer, head=answer.head + _CHALLENGE)

    def unlocked(self, location: str, cookie: str) -> Answer:
        """Back to the link, which a cookie opens now."""
        head = f"location: {location}\r\nset-cookie: {cookie}\r\ncontent-length: 0\r\n".encode()
        return Answer(303, head + _CACHE_CONTROL + b"referrer-policy: no-referrer\r\n", b"")

    def card(self, request: RedirectRequest, preview: Preview, verdict: LimitVerdict | None) -> Answer:
        """The page of which chats and social networks show a card."""
        content = card_content(self._short_url(request), preview)
        return self._with_content(200, content, request, verdict)

    def withheld(self, request: RedirectRequest, verdict: LimitVerdict | None) -> Answer:
        """For programs: they do not use up a link's clicks, and do not get its destination."""
        return self._with_content(200, withheld_content(request.wants_page), request, verdict)

    def undecided(self, error: Exception, request: RedirectRequest, verdict: LimitVerdict | None) -> Answer:
        """The database cannot say whether the link may still be followed."""
        log.warning("limit_not_decided", code=request.code, error=repr(error))
        return self.error(_UNDECIDED, request, verdict)

    def _short_url(self, request: RedirectRequest) -> str:
        return short_url(self._base_url, request.code)

    def _site(self, request: RedirectRequest) -> Site | None:
        """The domain that leads its visitors on. Who asks where a link leads is not led on."""
        return None if request.is_preview else self._hosts.site_of(request.code)

    def _with_content(
        self,
        status: int,
        content: Content,
        request: RedirectRequest,
        verdict: LimitVerdict | None,
        form: bytes | None = None,
    ) -> Answer:
        content_type, body = content
        head = (form or self._content_form) % (content_type, len(body))
        return Answer(status, head if verdict is None else head + verdict.head(), b"" if request.is_head else body)


def _redirect_form(settings: Settings) -> bytes:
    """The headers of all redirects, with a place for the URL.

    A redirect carries only those protections that do not reach beyond it: who else may open or embed the destination is
    not this service's decision. The referrer policy tells the destination which site a visitor comes from, and never
    which page; without it, that page decides.
    """
    return (
        b"location: %b\r\n" + _CACHE_CONTROL + b"content-length: 0\r\n"
        b"content-security-policy: " + CSP + b"\r\nx-content-type-options: nosniff\r\n"
        b"referrer-policy: strict-origin-when-cross-origin\r\n" + _NO_INDEX + _hsts_line(settings)
    )


def _hsts_line(settings: Settings) -> bytes:
    value = hsts(settings)
    return b"strict-transport-security: %b\r\n" % value if value else b""


def _content_form(settings: Settings, csp: bytes) -> bytes:
    """The headers of all answers with content, with places for its type and its length."""
    lines = [b"%b: %b\r\n" % header for header in protections(settings, csp)]
    return b"content-type: %b\r\ncontent-length: %d\r\nvary: Accept\r\n" + _CACHE_CONTROL + b"".join(lines)


def _content_to_fill(error: ShortenerError, wants_page: bool, report_url: str) -> Content:
    """The content of an error, whose body has `%(path)b` and `%(short_url)b` in the places of these."""
    content_type, body = error_content(error, wants_page, report_url, _SHORT_URL)
    form = body.replace(b"%", b"%%")
    for place in (_PATH, _SHORT_URL):
        form = form.replace(place.encode(), b"%%(%b)b" % place.strip("{}").encode())
    return content_type, form
