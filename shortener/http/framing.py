"""Checks of a request's head by RFC 9112, beyond those of the parser. Pure."""

import re

from shortener.errors import BadRequest, ShortenerError

RawHeader = tuple[bytes, bytes]

# RFC 3986 (3.2.2), without the comma: it would join the values of two headers.
_AUTHORITY = re.compile(
    rb"((?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?"
).fullmatch
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL).fullmatch


class HttpVersionNotSupported(ShortenerError):
    """The request is not HTTP/1.1 or HTTP/1.0."""

    status, type, title = 505, "http-version-not-supported", "HTTP version not supported"

    def __init__(self) -> None:
        super().__init__("This server speaks HTTP/1.1 and HTTP/1.0.")


class TransferCodingNotSupported(ShortenerError):
    """The body has a transfer coding other than chunked."""

    status, type, title = 501, "transfer-coding-not-supported", "Transfer coding not supported"

    def __init__(self) -> None:
        super().__init__("This server supports only the transfer coding chunked.")


def check_head(version: str, headers: list[RawHeader]) -> None:
    """Raise an error if RFC 9112 requires to refuse this head. Header names are in lower case."""
    if version not in {"1.1", "1.0"}:
        raise HttpVersionNotSupported
    hosts: list[bytes] = []
    codings: list[bytes] = []
    for name, value in headers:
        if name == b"host":
            hosts.append(value)
        elif name == b"transfer-encoding":
            codings += value.lower().split(b",")
    _check_hosts(version, hosts)
    if codings:
        _check_codings(version, codings)


def _check_hosts(version: str, hosts: list[bytes]) -> None:
    """RFC 9112 (3.2). A host may be empty."""
    if len(hosts) > 1:
        raise BadRequest("The request has more than one Host header.")
    if not hosts and version == "1.1":
        raise BadRequest("The request has no Host header.")
    if hosts and _AUTHORITY(hosts[0].strip(b" \t")) is None:
        raise BadRequest("The Host header is not a host with an optional port.")


def _check_codings(version: str, codings: list[bytes]) -> None:
    """RFC 9112 (6.1). The parser itself refuses codings that do not end in chunked."""
    if version == "1.0":
        raise BadRequest("HTTP/1.0 has no Transfer-Encoding.")
    if len(codings) > 1 and codings[-1].strip(b" \t") == b"chunked":
        raise TransferCodingNotSupported


def split_target(target: bytes) -> tuple[bytes, bytes] | None:
    """The authority of an absolute target, and the target without it; None for a target of another form.

    The authority replaces the Host header (RFC 9112, 3.2.2). Raises BadRequest.
    """
    if target.startswith(b"/") or target == b"*":
        return None
    match = _ABSOLUTE(target)
    if match is None:
        raise BadRequest("The request's target is not a path or an http URL.")
    authority, rest = match.groups()
    valid = _AUTHORITY(authority)
    if valid is None or not valid[1]:
        raise BadRequest("The host of the request's target is not a host with an optional port.")
    return authority, rest if rest.startswith(b"/") else b"/" + rest
