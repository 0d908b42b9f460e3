"""Reads the head of an ordinary request for a code in one pass, before any parser. Pure.

The grammar is a strict subset of RFC 9112 on which all HTTP parsers agree. A request that is not plainly in it is not
refused here: it goes to the parser.
"""

import re

_ANY = rb"[ -~\t]*+"
# A value without blanks at its ends, on whose removal parsers differ.
_VALUE = rb" ?+(?![ \t])(" + _ANY + rb")(?<![\t ])"
# Headers that change how a request is framed or answered, and those with a line of their own below.
_SPECIAL = (
    rb"host|connection|content-length|transfer-encoding|upgrade|expect|"
    rb"user-agent|accept|accept-language|referer|sec-fetch-dest|x-forwarded-for|sec-purpose|purpose|x-purpose|x-moz"
)
# Quantifiers are possessive: the pattern never steps back, so its time is proportional to the head's length.
# Alternatives begin with a letter, by which the engine rules them out quickly. Those of the headers that browsers send
# stand first.
_HEAD = re.compile(
    rb"(GET|HEAD) /([A-Za-z0-9_-]{3,64})(\+?)(?:\?([!\"$-~]*+))? HTTP/1\.1"
    rb"(?:\r\n(?:"
    # A second one is for the parser to refuse.
    rb"[Hh](?(5)(?!))ost: ?+([A-Za-z0-9.-]++(?::[0-9]{1,5}+)?+|\[[0-9A-Fa-f:.]++\](?::[0-9]{1,5}+)?+)|"
    rb"[Ss]ec-(?:[Cc][Hh]-[A-Za-z-]++:" + _ANY + rb"|"
    rb"[Ff]etch-(?:[Dd]est: ?+([a-z]++)|(?:[Mm]ode|[Ss]ite|[Uu]ser):" + _ANY + rb"))|"
    rb"[Aa]ccept(?::" + _VALUE + rb"|-(?:[Ll]anguage:" + _VALUE + rb"|(?![Ll]anguage:)[A-Za-z]++:" + _ANY + rb"))|"
    rb"[Uu](?:ser-[Aa]gent:" + _VALUE + rb"|pgrade-[A-Za-z-]++:" + _ANY + rb")|"
    rb"[Rr]eferer:" + _VALUE + rb"|"
    # The lines of these two belong together, so a second one is for the parser.
    rb"[Xx](?(11)(?!))-[Ff]orwarded-[Ff]or:" + _VALUE + rb"|"
    rb"(?(12)(?!))(?i:sec-purpose|purpose|x-purpose|x-moz):" + _VALUE + rb"|"
    rb"[Cc]onnection: ?+[Kk]eep-[Aa]live|"
    rb"(?!(?i:" + _SPECIAL + rb"):)[A-Za-z0-9-]++:" + _ANY + rb""
    rb"))*+(?(5)|(?!))\r\n\r\n"
).fullmatch

# Method, code, `+`, query, Host, Sec-Fetch-Dest, Accept, Accept-Language, User-Agent, Referer, X-Forwarded-For and the
# purpose, as they were sent. A part that was not sent is empty.
Head = tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes, bytes, bytes, bytes, bytes, bytes]
CODE, HOST, FORWARDED_FOR = 1, 4, 10


def read_head(data: bytes) -> Head | None:
    """The head, when `data` is exactly one whole ordinary head; else None."""
    match = _HEAD(data)
    return None if match is None else match.groups(b"")  # type: ignore[return-value]
