"""What a redirect reads of an HTTP request, whoever has parsed it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from shortener.clicks.event import MAX_REFERRER, MAX_USER_AGENT, Mark
from shortener.http.page import is_for_people
from shortener.redirect.head import Head
from shortener.redirect.hosts import path_of

# Text editors, chats and mail programs leave what stands around a link on it: blanks and invisible characters, quotes,
# brackets, the punctuation of the sentence, the marks of Markdown. None of these can be in a code.
_BLANK = r"\s\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
_OPENING = rf"[{_BLANK}/\"'<(\[{{*~`|\\«‹„“”‘’‚「『《〈（【]"
_CLOSING = rf"[{_BLANK}/\"'>)\]}}*~`|\\»›“”‘’」』》〉）】.,;:!?…·。、，；：！？^]"
# A code is 3 to 64 of these characters (see links.codes); nothing else is looked up anywhere.
_PATH = re.compile(rf"/{_OPENING}*+([A-Za-z0-9_-]{{3,64}})(\+?){_CLOSING}*+")
# A path behind the code, for links that hand it on.
_PATH_WITH_REST = re.compile(rf"/{_OPENING}*+([A-Za-z0-9_-]{{3,64}})/(.+)", re.DOTALL)
CODE = re.compile("[A-Za-z0-9_-]{3,64}")
MIN_CODE = 3
_PURPOSES = frozenset((b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))
_SPECULATIVE = re.compile(rb"prefetch|preview|prerender", re.IGNORECASE)
_DOCUMENT = frozenset((b"", b"document"))
# Members of an enum are slow to read, and these are read for each redirect.
_NONE, _HEAD, _PREFETCH = Mark.NONE, Mark.HEAD, Mark.PREFETCH


class RedirectRequest(msgspec.Struct, frozen=True, gc=False):
    """A request by `address` for a link by its code, with the domain in front as in `redirect.hosts`.

    `is_preview` asks where a link leads. `wants_page` is for people. `is_embedded`: a page asks for a part of itself,
    such as a picture, and no person follows a link. `languages` is Accept-Language. `headers` has the request's header
    lines, and `rest` the path behind the code, percent-encoded; both are for links with options.
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
    headers: bytes = b""
    rest: str = ""
    languages: bytes = b""


class CodePath(NamedTuple):
    """What a path says: the code, whether it asks where the link leads (`/code+`), and whether more follows."""

    code: str
    is_preview: bool
    has_rest: bool = False


def match_code(path: str) -> CodePath | None:
    match = _PATH.fullmatch(path)
    if match is not None:
        return CodePath(match[1], bool(match[2]))
    match = _PATH_WITH_REST.fullmatch(path)
    return None if match is None else CodePath(match[1], False, True)


def rest_of(raw_path: bytes) -> str:
    """What follows the code in a path as it was sent."""
    return raw_path.decode("latin-1").lstrip("/").partition("/")[2]


def shorter_code(code: str) -> str | None:
    """The code without `_` and `-` at its end, which may be marks of Markdown or a dash; None if it has none there."""
    shorter = code.rstrip("_-")
    return shorter if len(shorter) < len(code) and len(path_of(shorter)) > MIN_CODE else None


def request_of_head(head: Head, data: bytes, code: str, address: str) -> RedirectRequest:
    method, _, plus, query, _, fetch_dest, accept, languages, user_agent, referrer, _, purpose = head
    is_head = method == b"HEAD"
    return RedirectRequest(
        code,
        plus == b"+",
        is_head,
        is_for_people(accept),
        fetch_dest not in _DOCUMENT,
        user_agent[:MAX_USER_AGENT].decode("ascii"),
        referrer[:MAX_REFERRER].decode("ascii"),
        _HEAD if is_head else _PREFETCH if purpose and _SPECULATIVE.search(purpose) else _NONE,
        address,
        query,
        data,
        "",
        languages,
    )


def request_of_headers(
    path: CodePath, raw_path: bytes, method: str, headers: Sequence[tuple[bytes, bytes]], query: bytes, address: str
) -> RedirectRequest:
    accept = user_agent = referrer = fetch_dest = languages = b""
    mark = _NONE
    for name, value in headers:
        if name == b"user-agent":
            user_agent = value
        elif name == b"referer":
            referrer = value
        elif name == b"accept":
            accept = value
        elif name == b"accept-language":
            languages = value
        elif name == b"sec-fetch-dest":
            fetch_dest = value
        elif name in _PURPOSES and _SPECULATIVE.search(value):
            mark = _PREFETCH
    is_head = method == "HEAD"
    return RedirectRequest(
        path.code,
        path.is_preview,
        is_head,
        is_for_people(accept),
        fetch_dest not in _DOCUMENT,
        user_agent[:MAX_USER_AGENT].decode("latin-1"),
        referrer[:MAX_REFERRER].decode("latin-1"),
        _HEAD if is_head else mark,
        address,
        query,
        b"".join(b"%b: %b\r\n" % header for header in headers),
        rest_of(raw_path) if path.has_rest else "",
        languages,
    )
