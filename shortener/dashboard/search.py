"""The line that people search links by: words, and terms such as `is:disabled` or `clicks:>100`. Pure.

A term that means nothing here is searched as text, so that no search is an error.
"""

import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from pydantic import ValidationError

from shortener.links.choices import Having, State
from shortener.links.filters import LinkFilter

_PERIOD = re.compile(r"(>=?|<=?)?(\d{4})-(\d\d)(?:-(\d\d))?")
_NUMBER = re.compile(r"(>=?|<=?)?(\d{1,15})")


class Chip(NamedTuple):
    """A term, and the line without it."""

    text: str
    rest: str


class Search(NamedTuple):
    asked: LinkFilter
    chips: list[Chip]
    words: str


def read_search(line: str) -> Search:
    """The filter that a line means."""
    words: list[str] = []
    terms: list[str] = []
    values: dict[str, Any] = {}
    parts = _split(line[:400])
    for part in parts:
        name, colon, value = part.partition(":")
        found = _TERMS[name](value) if colon and value and name in _TERMS else None
        if found is None:
            words.append(part)
            continue
        terms.append(part)
        for key, each in found.items():
            values[key] = [*values.get(key, []), *each] if isinstance(each, list) else each
    text = " ".join(words).replace("\x00", "")[:200]
    try:
        asked = LinkFilter.model_validate({**values, "q": text or None})
    except ValidationError:
        asked, terms, text = LinkFilter(q=line.replace("\x00", "")[:200] or None), [], line
    return Search(asked, [Chip(term, write_search(_without(parts, term))) for term in terms], text)


def write_search(parts: list[str]) -> str:
    return " ".join(f'"{part}"' if re.search(r"\s", part) else part for part in parts)


def _without(parts: list[str], term: str) -> list[str]:
    index = parts.index(term)
    return parts[:index] + parts[index + 1 :]


def _split(line: str) -> list[str]:
    try:
        lexer = shlex.shlex(line, posix=True)
        lexer.whitespace_split, lexer.commenters, lexer.quotes, lexer.escape = True, "", '"', ""
        return list(lexer)
    except ValueError:
        return line.split()


def _state(value: str) -> dict[str, Any] | None:
    return {"state": value} if value in set(State) else None


def _has(value: str) -> dict[str, Any] | None:
    return {"has": [value]} if value in set(Having) else None


def _clicks(value: str) -> dict[str, Any] | None:
    match = _NUMBER.fullmatch(value)
    if match is None:
        return None
    n = int(match[2])
    bounds = {">": {"clicks_min": n + 1}, ">=": {"clicks_min": n}, "<": {"clicks_max": max(n - 1, 0)}}
    return bounds.get(match[1] or "", {"clicks_max": n} if match[1] else {"clicks_min": n, "clicks_max": n})


def _created(value: str) -> dict[str, Any] | None:
    """A month or a day, or what lies before or after it."""
    match = _PERIOD.fullmatch(value)
    if match is None:
        return None
    try:
        first = date(int(match[2]), int(match[3]), int(match[4] or 1))
        after = first + timedelta(days=1) if match[4] else (first + timedelta(days=31)).replace(day=1)
    except (ValueError, OverflowError):
        return None
    start, end = (datetime(day.year, day.month, day.day, tzinfo=UTC).isoformat() for day in (first, after))
    sign = match[1] or ""
    if sign.startswith(">"):
        return {"created_from": start if "=" in sign else end}
    if sign.startswith("<"):
        return {"created_to": end if "=" in sign else start}
    return {"created_from": start, "created_to": end}


_TERMS: dict[str, Callable[[str], dict[str, Any] | None]] = {
    "is": _state,
    "has": _has,
    "tag": lambda value: {"tag": [value]},
    "-tag": lambda value: {"without_tag": [value]},
    "host": lambda value: {"host": value},
    "domain": lambda value: {"domain": value},
    "clicks": _clicks,
    "created": _created,
}


def terms_of_form(values: dict[str, str]) -> Iterator[str]:
    """The terms that the form of filters means."""
    for name, value in values.items():
        if value and name in _TERMS:
            term = f"{name}:{value}"
            yield term
