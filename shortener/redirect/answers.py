"""The answers that a request for a code can get: status, headers in order, body."""

from typing import NamedTuple

from shortener.browser import CSP, hsts
from shortener.errors import Gone, MethodNotAllowed, NotFound, ShortenerError
from shortener.rate_limit import Verdict, split_head
from shortener.redirect import pages
from shortener.redirect.pages import destination_body, error_body, warning_body
from shortener.redirect.target import Status
from shortener.settings import Settings

Headers = list[tuple[bytes, bytes]]

# Cached by nobody, so that a link that was changed or taken down stops at once, and every visit is seen.
_CACHE_CONTROL = (b"cache-control", b"private, no-store")


class LinkNotFound(NotFound):
    type, title = "link-not-found", "No such link"


class LinkGone(Gone):
    type, title = "link-gone", "This link no longer works"


class LinkBanned(Gone):
    type, title = "link-banned", "This link was taken down"


_GONE_DETAIL = {
    Status.DELETED: "The link was deleted.",
    Status.DISABLED: "The link was disabled by its owner.",
    Status.EXPIRED: "The link has expired.",
}


class Answer(NamedTuple):
    status: int
    headers: Headers
    body: bytes = b""
    # For the counter, where the status does not tell.
    outcome: str | None = None


def redirect_form(settings: Settings) -> bytes:
    """The headers of all redirects, each line with its end, and a place for the URL. Of what protects pages they have
    what does not reach beyond them: who else may open or embed the destination is not ours to say. By the policy for
    referrers it learns the site that a visitor comes from and never the page; without it, that page decides."""
    value = hsts(settings)
    transport = b"strict-transport-security: %b\r\n" % value if value else b""
    return (
        b"location: %b\r\ncache-control: private, no-store\r\ncontent-length: 0\r\n"
        b"content-security-policy: " + CSP + b"\r\nx-content-type-options: nosniff\r\n"
        b"referrer-policy: strict-origin-when-cross-origin\r\n" + transport
    )


def redirect_head(form: bytes, url: str, verdict: Verdict | None) -> bytes:
    """The headers of a redirect as they are sent."""
    head = form % url.encode("ascii")
    return head if verdict is None else head + verdict.head()


def redirect(form: bytes, url: str, verdict: Verdict | None) -> Answer:
    return Answer(302, split_head(redirect_head(form, url, verdict)))


def gone(status: Status) -> Gone:
    if status is Status.BANNED:
        return LinkBanned("The link, or the place that it led to, breaks the rules of this service.")
    return LinkGone(_GONE_DETAIL[status])


def not_found(code: str) -> LinkNotFound:
    return LinkNotFound(f"There is no link /{code} here.")


def method_not_allowed() -> Answer:
    refusal = MethodNotAllowed("A short link is only followed: GET, HEAD.", headers={"Allow": "GET, HEAD"})
    return error(refusal, wants_page=False, verdict=None)


def destination(code: str, short_url: str, url: str, wants_page: bool, verdict: Verdict | None) -> Answer:
    content_type, body = destination_body(code, short_url, url, wants_page)
    return Answer(200, _headers(content_type, body, verdict), body)


def warning(code: str, short_url: str, url: str, consent: str, wants_page: bool, verdict: Verdict | None) -> Answer:
    """Where a suspicious link leads, and how to follow it all the same."""
    content_type, body = warning_body(code, short_url, url, consent, wants_page)
    return Answer(200, _headers(content_type, body, verdict), body, "warned")


def error(error: ShortenerError, wants_page: bool, verdict: Verdict | None) -> Answer:
    content_type, body = error_body(error, wants_page)
    extra = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    outcome = "banned" if isinstance(error, LinkBanned) else None
    return Answer(error.status, [*_headers(content_type, body, verdict), *extra], body, outcome)


def _limit_headers(verdict: Verdict | None) -> Headers:
    return [] if verdict is None else split_head(verdict.head())


def _headers(content_type: bytes, body: bytes, verdict: Verdict | None) -> Headers:
    return [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"vary", b"Accept"),
        (b"content-security-policy", pages.CSP),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        _CACHE_CONTROL,
        *_limit_headers(verdict),
    ]
