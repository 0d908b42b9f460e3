"""How a visitor came to a link. QR codes hold the short URL with `?qr`, which is for this service alone."""

from shortener.clicks.event import Source

PARAMETER = "qr"
# Some programs write a parameter without a value with `=`. One with a value is the destination's.
_PAIRS = frozenset((PARAMETER, f"{PARAMETER}="))
_RAW_PAIRS = frozenset(pair.encode() for pair in _PAIRS)


def source_of(query: bytes) -> Source:
    return Source.LINK if _RAW_PAIRS.isdisjoint(query.split(b"&")) else Source.QR


def without_source(query: str) -> str:
    """The query as it reaches the destination."""
    if PARAMETER not in query:
        return query
    return "&".join(pair for pair in query.split("&") if pair not in _PAIRS)
