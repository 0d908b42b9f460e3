"""What a redirect reads of an HTTP request, whichever server has parsed it."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from shortener.clicks.event import MAX_REFERRER, MAX_USER_AGENT, Mark

# A code is 3 to 64 of these (see links.codes); anything else is not asked for anywhere.
_PATH = re.compile(r"/([A-Za-z0-9_-]{3,64})(\+?)")
_PURPOSES = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")
_HEADERS = frozenset((b"user-agent", b"referer", b"accept", *_PURPOSES))


class RedirectRequest(NamedTuple):
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
    found = {name: value.decode("latin-1") for name, value in headers if name in _HEADERS}
    purpose = " ".join(found[name] for name in _PURPOSES if name in found)
    is_head = method == "HEAD"
    return RedirectRequest(
        code=code,
        is_preview=is_preview,
        is_head=is_head,
        wants_page="text/html" in found.get(b"accept", ""),
        user_agent=found.get(b"user-agent", "")[:MAX_USER_AGENT],
        referrer=found.get(b"referer", "")[:MAX_REFERRER],
        mark=Mark.HEAD if is_head else _prefetch_mark(purpose.lower()),
        address=address,
    )


def _prefetch_mark(purpose: str) -> Mark:
    return Mark.PREFETCH if "prefetch" in purpose or "preview" in purpose or "prerender" in purpose else Mark.NONE
