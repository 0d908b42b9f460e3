"""What a redirect reads of an HTTP request, whoever has parsed it."""

import re
from collections.abc import Iterable

import msgspec

from shortener.clicks.event import MAX_REFERRER, MAX_USER_AGENT, Mark
from shortener.http.page import is_for_people
from shortener.redirect.head import Head

# Text editors, chats and mail programs leave what stands around a link on it: blanks and invisible characters, quotes,
# brackets, the punctuation of the sentence, the marks of Markdown. None of these can be in a code.
_BLANK = r"\s\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
_OPENING = rf"[{_BLANK}/\"'<(\[{{*~`|\\«‹„“”‘’‚「『《〈（【]"
_CLOSING = rf"[{_BLANK}/\"'>)\]}}*~`|\\»›“”‘’」』》〉）】.,;:!?…·。、，；：！？^]"
# A code is 3 to 64 of these characters (see links.codes); nothing else is looked up anywhere.
_PATH = re.compile(rf"/{_OPENING}*+([A-Za-z0-9_-]{{3,64}})(\+?){_CLOSING}*+")
_PURPOSES = frozenset((b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))
_SPECULATIVE = re.compile(rb"prefetch|preview|prerender", re.IGNORECASE)
_DOCUMENT = frozenset((b"", b"document"))
# Members of an enum are slow to read, and these are read for each redirect.
_NONE, _HEAD, _PREFETCH = Mark.NONE, Mark.HEAD, Mark.PREFETCH


class RedirectRequest(msgspec.Struct, frozen=True, gc=False):
    """A request for a code by `address`.

    `is_preview` asks where a link leads. `wants_page` is for people. `is_embedded`: a page asks for a part of itself,
    such as a picture, and no person follows a link.
    """

    code: str
    is_preview: bool
    is_head: bool
    wants_page: bool
    is_embedded: bool
    user_agent: str
    referrer: str
    mark: Mark
    address: str
    query: bytes = b""


def match_code(path: str) -> tuple[str, bool] | None:
    """The code in a path, and whether the request asks where it leads (`/code+`)."""
    match = _PATH.fullmatch(path)
    return None if match is None else (match[1], bool(match[2]))


def shorter_code(code: str) -> str | None:
    """The code without `_` and `-` at its end, which may be marks of Markdown or a dash; None if it has none there."""
    shorter = code.rstrip("_-")
    return shorter if 3 <= len(shorter) < len(code) else None


def request_of_head(head: Head, address: str) -> RedirectRequest:
    _, code, plus, query, _, user_agent, accept, referrer, fetch_dest, _, purpose = head
    is_head = head[0] == b"HEAD"
    mark = _HEAD if is_head else _PREFETCH if purpose and _SPECULATIVE.search(purpose) else _NONE
    return RedirectRequest(
        code.decode("ascii"),
        bool(plus),
        is_head,
        is_for_people(accept),
        fetch_dest not in _DOCUMENT,
        user_agent[:MAX_USER_AGENT].decode("ascii"),
        referrer[:MAX_REFERRER].decode("ascii"),
        mark,
        address,
        query,
    )


def request_of_headers(
    code: str, is_preview: bool, method: str, headers: Iterable[tuple[bytes, bytes]], query: bytes, address: str
) -> RedirectRequest:
    accept = user_agent = referrer = fetch_dest = b""
    mark = _NONE
    for name, value in headers:
        if name == b"user-agent":
            user_agent = value
        elif name == b"referer":
            referrer = value
        elif name == b"accept":
            accept = value
        elif name == b"sec-fetch-dest":
            fetch_dest = value
        elif name in _PURPOSES and _SPECULATIVE.search(value):
            mark = _PREFETCH
    is_head = method == "HEAD"
    return RedirectRequest(
        code,
        is_preview,
        is_head,
        is_for_people(accept),
        fetch_dest not in _DOCUMENT,
        user_agent[:MAX_USER_AGENT].decode("latin-1"),
        referrer[:MAX_REFERRER].decode("latin-1"),
        _HEAD if is_head else mark,
        address,
        query,
    )
