"""Who is asking: the client's address, and the network that limits count as one client."""

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from shortener.settings import IPNetwork

UNKNOWN = "unknown"


@lru_cache(maxsize=4096)
def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address with or without a port; IPv4 in IPv6's clothes is IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(text: str, trusted: Sequence[IPNetwork]) -> bool:
    address = parse_address(text)
    return address is not None and any(address in network for network in trusted)


def client_address(scope: Mapping[str, Any], trusted_proxies: Sequence[IPNetwork]) -> str:
    """The address of the client, as text.

    `X-Forwarded-For` counts only behind a trusted peer, and is read from the right: the first entry that
    is not a trusted proxy is the client; what stands left of it anybody could have written.
    """
    peer: str = scope["client"][0] if scope.get("client") else UNKNOWN
    if not trusted_proxies or not _is_trusted(peer, trusted_proxies):
        return peer
    forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    for entry in reversed(forwarded.decode("latin-1").split(",")):
        if not entry.strip():
            continue
        address = parse_address(entry)
        if address is None:
            break
        peer = str(address)
        if not _is_trusted(peer, trusted_proxies):
            break
    return peer


@lru_cache(maxsize=4096)
def client_network(address: str) -> str:
    """What a limit counts as one client: an IPv4 address, or an IPv6 /64, which one subscriber has whole."""
    parsed = parse_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address if parsed is None else str(parsed)
