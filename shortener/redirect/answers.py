"""The answers that a request for a code can get, as the bytes that are sent."""

from typing import NamedTuple

from shortener.errors import Gone, NotFound, ShortenerError
from shortener.http import page
from shortener.http.browser import CSP, hsts, protections
from shortener.limits.policies import Verdict
from shortener.redirect.pages import Content, destination_content, error_content, warning_content
from shortener.redirect.request import RedirectRequest
from shortener.redirect.target import Status, Target
from shortener.settings import Settings

# No cache may keep an answer, so that a link that was changed or taken down stops at once, and every visit is seen.
_CACHE_CONTROL = b"cache-control: private, no-store\r\n"
# Stands for the code in an answer that is made before the code is known.
_PLACE = "{code}"


class LinkNotFound(NotFound):
    type, title = "link-not-found", "No such link"


class LinkGone(Gone):
    type, title = "link-gone", "This link no longer works"


class LinkBanned(Gone):
    type, title = "link-banned", "This link was taken down"


class Answer(NamedTuple):
    """Status, header lines each with its end, and body."""

    status: int
    head: bytes
    body: bytes


def _not_found(code: str) -> ShortenerError:
    return LinkNotFound(f"There is no link /{code} here.")


_REASONS: dict[Status, ShortenerError] = {
    Status.DELETED: LinkGone("The link was deleted."),
    Status.DISABLED: LinkGone("The link was disabled by its owner."),
    Status.EXPIRED: LinkGone("The link has expired."),
    Status.BANNED: LinkBanned("The link, or the place that it led to, breaks the rules of this service."),
}


class Answers:
    """Makes answers from forms that are filled in: their constant parts are built once."""

    def __init__(self, settings: Settings) -> None:
        self._base_url = settings.base_url
        self._redirect_form = _redirect_form(settings)
        self._content_form = _content_form(settings)
        self._reasons = {
            (status, wants_page): error_content(error, wants_page)
            for status, error in _REASONS.items()
            for wants_page in (False, True)
        }
        self._not_found = {wants_page: _parts(_not_found(_PLACE), wants_page) for wants_page in (False, True)}

    def redirect(self, url: str, verdict: Verdict | None) -> Answer:
        head = self._redirect_form % url.encode("ascii")
        return Answer(302, head if verdict is None else head + verdict.head(), b"")

    def not_found(self, request: RedirectRequest, verdict: Verdict | None) -> Answer:
        content_type, before, after = self._not_found[request.wants_page]
        content = content_type, b"%b%b%b" % (before, request.code.encode("ascii"), after)
        return self._with_content(404, content, request, verdict)

    def gone(self, status: Status, request: RedirectRequest, verdict: Verdict | None) -> Answer:
        """For a link that is deleted, disabled, expired or banned."""
        return self._with_content(410, self._reasons[status, request.wants_page], request, verdict)

    def error(self, error: ShortenerError, request: RedirectRequest, verdict: Verdict | None) -> Answer:
        answer = self._with_content(error.status, error_content(error, request.wants_page), request, verdict)
        extra = (f"{name.lower()}: {value}\r\n" for name, value in error.headers.items())
        return answer._replace(head=answer.head + "".join(extra).encode())

    def destination(self, request: RedirectRequest, target: Target, verdict: Verdict | None) -> Answer:
        """Where the link leads, without going there."""
        content = destination_content(request.code, self._short_url(request), target.url, request.wants_page)
        return self._with_content(200, content, request, verdict)

    def warning(self, request: RedirectRequest, target: Target, consent: str, verdict: Verdict | None) -> Answer:
        """Where a suspicious link leads, and how to follow it all the same."""
        content = warning_content(request.code, self._short_url(request), target.url, consent, request.wants_page)
        return self._with_content(200, content, request, verdict)

    def _short_url(self, request: RedirectRequest) -> str:
        return f"{self._base_url}/{request.code}"

    def _with_content(self, status: int, content: Content, request: RedirectRequest, verdict: Verdict | None) -> Answer:
        content_type, body = content
        head = self._content_form % (content_type, len(body))
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
        b"referrer-policy: strict-origin-when-cross-origin\r\n" + _hsts_line(settings)
    )


def _hsts_line(settings: Settings) -> bytes:
    value = hsts(settings)
    return b"strict-transport-security: %b\r\n" % value if value else b""


def _content_form(settings: Settings) -> bytes:
    """The headers of all answers with content, with places for its type and its length."""
    lines = [b"%b: %b\r\n" % header for header in protections(settings, page.CSP)]
    return b"content-type: %b\r\ncontent-length: %d\r\nvary: Accept\r\n" + _CACHE_CONTROL + b"".join(lines)


def _parts(error: ShortenerError, wants_page: bool) -> tuple[bytes, bytes, bytes]:
    """Content type of an error's answer, and its body before and after the code."""
    content_type, body = error_content(error, wants_page)
    before, _, after = body.partition(_PLACE.encode())
    return content_type, before, after
