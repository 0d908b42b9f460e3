"""The destination of one request: the URL that answers, with what the request and the link add to it. Pure.

Nothing that is added can change the scheme, the host or the beginning of the path of the URL.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_plus

from shortener.redirect.location import encode
from shortener.redirect.options import Options, Utm

# A destination that would be longer is given without what the request adds.
MAX_LENGTH = 16_384

_BEFORE_PATH = re.compile(r"[^:/?#]+://[^/?#]*")
_UTM_FIELDS = Utm.__struct_fields__


def compose(url: str, options: Options, query: str, rest: str) -> str:
    """The destination. `url` is absolute and ASCII; `query` and `rest`, the path behind the code, are as the request
    has them, percent-encoded. A pair of the request replaces all pairs of the URL with the same name."""
    added = query if options.forward_query else ""
    path = rest if options.forward_path else ""
    if not added and not path and options.utm is None:
        return url
    full = _composed(url, options.utm, added, path)
    return full if len(full) <= MAX_LENGTH else _composed(url, options.utm, "", "")


def _composed(url: str, utm: Utm | None, query: str, rest: str) -> str:
    before, mark, fragment = url.partition("#")
    base, _, own_query = before.partition("?")
    if rest:
        base = _with_path(base, rest)
    pairs = _merged(_pairs(own_query), _pairs(query))
    if utm is not None:
        pairs = _with_utm(pairs, utm)
    new_query = "&".join(pairs)
    if not rest and new_query == own_query:
        return url
    return encode(f"{base}{'?' + new_query if new_query else ''}{mark}{fragment}")


def _with_path(base: str, rest: str) -> str:
    """A segment that would lead upwards, also one that is percent-encoded, is left out."""
    segments = [segment for segment in rest.replace("\\", "%5C").split("/") if not _is_dots(segment)]
    end: int = _BEFORE_PATH.match(base).end()  # type: ignore[union-attr]
    tail = "/".join(segments).lstrip("/")
    return f"{base[:end]}{base[end:].rstrip('/')}/{quote(tail, safe=_PATH_SAFE)}"


# As in `location.encode`, without "?", and "#" of course.
_PATH_SAFE = "%._~!$&'()*+,;=:@/-"


def _is_dots(segment: str) -> bool:
    parts = unquote_plus(segment).replace("\\", "/").split("/")
    return any(part.strip() in {".", ".."} for part in parts)


def _pairs(query: str) -> list[str]:
    return query.split("&") if query else []


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])


def _merged(own: list[str], added: list[str]) -> list[str]:
    names = set(map(_name, added))
    return [pair for pair in own if _name(pair) not in names] + added if added else own


def _with_utm(pairs: list[str], utm: Utm) -> list[str]:
    names = set(map(_name, pairs))
    return pairs + [pair for name, pair in _utm_pairs(utm) if name not in names]


def _utm_pairs(utm: Utm) -> Iterable[tuple[str, str]]:
    for field in _UTM_FIELDS:
        value = getattr(utm, field)
        if value is not None:
            yield f"utm_{field}", f"utm_{field}={quote(value, safe='')}"
