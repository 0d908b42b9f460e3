"""Texts as people type and paste them. The sets of characters do not depend on the version of Python. Pure."""

import re
from typing import Any

from pydantic import BeforeValidator

# Unicode's property White_Space.
_SPACE = (
    "\t\n\v\f\r\x85 \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
# Invisible characters: soft hyphens, fillers, byte order and direction marks, and possible line breaks. Joiners are
# among them, but stay inside a text: they form emoji.
_INVISIBLE = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064"
    "\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f\u2800\u3164\ufeff\uffa0"
)
_SPACES = re.compile(f"[{_SPACE}]+")
# Unicode's categories Cc, without white space, and Cs.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
# Direction overrides make a text look like another one, and nobody types them.
_OVERRIDE = re.compile("[\u202d\u202e]")
# Embeddings and isolates come with texts from chats. They are removed, because they could reverse text that is shown
# after them.
_TURNING = re.compile("[\u202a-\u202c\u2066-\u2069]")
# Characters that could end a log line or disguise it.
_NOT_FOR_LOGS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def trim(text: str) -> str:
    """The text without white space and invisible characters around it."""
    return text.strip(_SPACE + _INVISIBLE)


def one_line(text: str) -> str:
    """The text as it is stored: each run of white space becomes one space, and none is left around it.

    Raises ValueError for control characters, unpaired surrogates and overrides of the direction.
    """
    if _CONTROL.search(text) or _OVERRIDE.search(text):
        raise ValueError("the text contains control characters")
    return _SPACES.sub(" ", trim(_TURNING.sub("", text)))


def lines(text: str) -> str:
    """A text of several lines as it is stored: as `one_line`, line by line. Raises ValueError as it does."""
    return "\n".join(one_line(line) for line in text.strip().splitlines())


def log_line(text: str) -> str:
    """Any text as a part of one line, with U+FFFD for each character that could forge another line."""
    return _NOT_FOR_LOGS.sub("\ufffd", text)


def _one_line(value: Any) -> Any:
    return one_line(value) if isinstance(value, str) else value


def _lines(value: Any) -> Any:
    return lines(value) if isinstance(value, str) else value


def _trim(value: Any) -> Any:
    return trim(value) if isinstance(value, str) else value


# For fields. Length and pattern apply to the remaining text.
OneLine = BeforeValidator(_one_line)
Lines = BeforeValidator(_lines)
Trimmed = BeforeValidator(_trim)
