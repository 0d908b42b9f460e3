"""Where a login leads afterwards. Pure."""

import posixpath
import re
from urllib.parse import unquote, urlsplit

from shortener.access.cookies import HOME

_DOORS = ("/-/login", "/-/logout", "/-/register", "/-/join")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\]")
_MAX_NEXT = 2000


def next_path(text: str | None) -> str:
    """The page of the dashboard that `text` names, or the first one. Other paths may be short links, which lead
    anywhere."""
    if not text or len(text) > _MAX_NEXT or not text.startswith(HOME) or _UNSAFE.search(text):
        return HOME
    parts = urlsplit(text)
    path = unquote(parts.path)
    is_plain = not parts.scheme and not parts.netloc and posixpath.normpath(path) == path.rstrip("/")
    is_door = any(path == door or path.startswith(f"{door}/") for door in _DOORS)
    return text if is_plain and not is_door and not _UNSAFE.search(path) else HOME
