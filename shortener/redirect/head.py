"""Reads the head of an ordinary request for a code in one pass, before any parser. Pure.

The grammar is a strict subset of RFC 9112 on which all HTTP parsers agree. A request that is not plainly in it is not
refused here: it goes to the parser.
"""

import re
from typing import NamedTuple

# A value without blanks at its ends, on whose removal parsers differ.
_VALUE = rb" ?+(?![ \t])([ -~\t]*+)(?<![\t])(?<! )"
# Headers that change how a request is framed or answered, and those with a line of their own below.
_SPECIAL = (
    rb"host|connection|content-length|transfer-encoding|upgrade|expect|"
    rb"user-agent|accept|referer|sec-fetch-dest|x-forwarded-for|sec-purpose|purpose|x-purpose|x-moz"
)
# Quantifiers are possessive: the pattern never steps back, so its time is proportional to the head's length.
_HEAD = re.compile(
    rb"(GET|HEAD) /([A-Za-z0-9_-]{3,64})(\+?)(?:\?([!\"$-~]*+))? HTTP/1\.1\r\n"
    # Clients send Host first, as RFC 9110 (7.2) asks. A second one is among the special headers.
    rb"[Hh]ost: ?+([A-Za-z0-9.-]++(?::[0-9]{1,5}+)?+|\[[0-9A-Fa-f:.]++\](?::[0-9]{1,5}+)?+)"
    rb"(?:\r\n(?:"
    rb"[Uu]ser-[Aa]gent:" + _VALUE + rb"|"
    rb"[Aa]ccept:" + _VALUE + rb"|"
    rb"[Rr]eferer:" + _VALUE + rb"|"
    rb"[Ss]ec-[Ff]etch-[Dd]est: ?+([a-z]++)|"
    # The lines of these two belong together, so a second one is for the parser.
    rb"(?(10)(?!))[Xx]-[Ff]orwarded-[Ff]or:" + _VALUE + rb"|"
    rb"(?(11)(?!))(?i:sec-purpose|purpose|x-purpose|x-moz):" + _VALUE + rb"|"
    rb"[Cc]onnection: ?+[Kk]eep-[Aa]live|"
    rb"(?!(?i:" + _SPECIAL + rb"):)[A-Za-z0-9-]++:[ -~\t]*+"
    rb"))*+\r\n\r\n"
).fullmatch


class Head(NamedTuple):
    """The parts of a head as they were sent; a header that was not sent is empty."""

    method: bytes
    code: bytes
    plus: bytes
    query: bytes
    host: bytes
    user_agent: bytes
    accept: bytes
    referrer: bytes
    fetch_dest: bytes
    forwarded_for: bytes
    purpose: bytes


def read_head(data: bytes) -> Head | None:
    """The head, when `data` is exactly one whole ordinary head; else None."""
    match = _HEAD(data)
    return None if match is None else Head(*match.groups(b""))
