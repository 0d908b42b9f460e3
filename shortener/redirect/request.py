"""What a redirect reads of an HTTP request, whichever server has parsed it."""

import re
from collections.abc import Iterable

import msgspec

from shortener.clicks.event import MAX_REFERRER, MAX_USER_AGENT, Mark

# A code is 3 to 64 of these (see links.codes); anything else is not asked for anywhere.
_PATH = re.compile(r"/([A-Za-z0-9_-]{3,64})(\+?)")
_PURPOSES = frozenset((b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))
# Members of an enum are slow to read, and are read for each redirect.
_NONE, _HEAD = Mark.NONE, Mark.HEAD
_SPECULATIVE = re.compile(rb"prefetch|preview|prerender", re.IGNORECASE)


class RedirectRequest(msgspec.Struct, frozen=True, gc=False):
    """A request for a code by `address`. `is_preview` asks where a link leads; `wants_page` is for people."""

    code: str
    is_preview: bool
    is_head: bool
    wants_page: bool
    user_agent: str
    referrer: str
    mark: Mark
    address: str


def match_code(path: str) -> tuple[str, bool] | None:
    """The code in a path, and whether it is asked where it leads (`/code+`)."""
    match = _PATH.fullmatch(path)
    return None if match is None else (match[1], bool(match[2]))


def read_request(
    code: str, is_preview: bool, method: str, headers: Iterable[tuple[bytes, bytes]], address: str
) -> RedirectRequest:
    accept = user_agent = referrer = b""
    mark = _NONE
    for name, value in headers:
        if name == b"user-agent":
            user_agent = value
        elif name == b"referer":
            referrer = value
        elif name == b"accept":
            accept = value
        elif name in _PURPOSES and _SPECULATIVE.search(value):
            mark = Mark.PREFETCH
    is_head = method == "HEAD"
    return RedirectRequest(
        code,
        is_preview,
        is_head,
        b"text/html" in accept,
        user_agent[:MAX_USER_AGENT].decode("latin-1"),
        referrer[:MAX_REFERRER].decode("latin-1"),
        _HEAD if is_head else mark,
        address,
    )
