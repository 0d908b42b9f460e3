"""URLs as a Location header carries them. Pure."""

import re

_BEFORE_PATH = re.compile(r"(?:https?://[^/?#]*)?", re.IGNORECASE)
# Characters that RFC 3986 (3.3 to 3.5) does not allow behind the authority. "#" is handled apart.
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9._~!$&'()*+,;=:@/?%-]|%(?![0-9A-Fa-f]{2})")


def encode(url: str) -> str:
    """An absolute URL with those characters percent-encoded that RFC 3986 does not allow in it. Nothing else changes,
    and an encoded URL stays as it is."""
    start: str = _BEFORE_PATH.match(url)[0]  # type: ignore[index]
    before, mark, fragment = url[len(start) :].partition("#")
    return start + _encoded(before) + mark + _encoded(fragment)


def _encoded(part: str) -> str:
    return _NOT_ALLOWED.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), part)
