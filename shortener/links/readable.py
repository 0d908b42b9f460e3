"""The form of a URL that people read and type, for the search. Pure."""

import re
import unicodedata
from urllib.parse import unquote

import ada_url

# So many characters of each form of a URL are searched: what a link costs in the index does not depend on its sender.
SEARCHED_CHARACTERS = 256
# A character has at most four bytes, and a byte takes three characters once it is encoded.
_READ_CHARACTERS = 12 * SEARCHED_CHARACTERS

_PARTS = re.compile(r"(https?://)([^/?#:]*)(.*)", re.IGNORECASE)
# PostgreSQL stores no NUL, and the parts of the searched text are separated by line feeds.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")


def readable_url(url: str) -> str | None:
    """The beginning of the URL with its host in Unicode and without percent-encoding; None where that is the same."""
    url = url[:_READ_CHARACTERS]
    if "%" not in url and "xn--" not in url.lower():
        return None
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return None
    scheme, host, rest = parts.groups()
    host = str(ada_url.idna_to_unicode(host.lower())) if host.isascii() else host
    text = scheme + host + unquote(rest)
    text = unicodedata.normalize("NFC", _CONTROLS.sub("\ufffd", text))[:SEARCHED_CHARACTERS]
    return None if text == url[:SEARCHED_CHARACTERS] else text
