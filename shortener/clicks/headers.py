"""Reads a click's Accept-Language and query. Pure: both come from strangers, and may be anything."""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from shortener.clicks.agents import MAX_VALUE

_LANGUAGE = re.compile(rb"[ \t]*([A-Za-z]{2,3})(?:-[A-Za-z0-9-]+)?[ \t]*(?:;[ \t]*q=([01](?:\.[0-9]{0,3})?)[ \t]*)?")


class Campaign(NamedTuple):
    """UTM parameters of a request's query. None: it has no such parameter."""

    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None


_NAMES = {name.encode(): name for name in Campaign._fields}


@lru_cache(maxsize=20_000)
def first_language(accept_language: bytes) -> str | None:
    """The language of the highest weight, the first of several, without its region; None if there is none."""
    best, highest = None, 0.0
    for entry in accept_language.split(b","):
        found = _LANGUAGE.fullmatch(entry)
        if found is not None and (weight := float(found[2] or 1)) > highest:
            best, highest = found[1].decode().lower(), weight
    return best


def read_campaign(query: bytes) -> Campaign:
    """Of a parameter that comes twice the first one counts, and an empty one does not."""
    found: dict[str, str] = {}
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        if (key := _NAMES.get(name)) is not None and key not in found and (text := _text(value)):
            found[key] = text
    return Campaign(**found)


def _text(value: bytes) -> str:
    """A value as people read it, without what no text in the database may hold."""
    text = unquote_to_bytes(value.replace(b"+", b" ")).decode(errors="replace")
    return text.replace("\x00", "").strip()[:MAX_VALUE]
