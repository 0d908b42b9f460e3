"""The address of a request's client, and the network that limits count as one client.

Each redirect parses an address, and there are too many clients to remember them. So the system's own parser is used,
which takes a tenth of the time of the `ipaddress` module.
"""

import socket
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from shortener.settings.values import IPNetwork

UNKNOWN = "unknown"

# Prefixes of IPv6 addresses that end in an IPv4 address: mapped and compatible ones (RFC 4291, 2.5.5), and those of
# NAT64 (RFC 6052, 2.1; RFC 8215).
_IPV4_MAPPED = bytes(10) + b"\xff\xff"
_IPV4_COMPATIBLE = bytes(12)
_NAT64 = b"\x00\x64\xff\x9b" + bytes(8)
_LOCAL_NAT64 = b"\x00\x64\xff\x9b\x00\x01"
# Bytes 2 to 6 of these are an IPv4 address (RFC 3056).
_6TO4 = b"\x20\x02"
# The last four bytes of these are an IPv4 address with all its bits inverted (RFC 4380).
_TEREDO = b"\x20\x01\x00\x00"


def without_ipv6(packed: bytes) -> bytes:
    """The IPv4 address that an IPv6 address stands for, in 4 bytes; any other address as it is."""
    if packed.startswith((_IPV4_MAPPED, _NAT64, _LOCAL_NAT64)):
        return packed[12:]
    if packed.startswith(_6TO4):
        return packed[2:6]
    if packed.startswith(_TEREDO):
        return bytes(byte ^ 0xFF for byte in packed[12:])
    # `::` and `::1` are addresses of their own.
    if packed.startswith(_IPV4_COMPATIBLE) and packed[12:15] != bytes(3):
        return packed[12:]
    return packed


def _packed(text: str) -> bytes | None:
    """An address in its 4 or 16 bytes. An IPv4 address that is mapped to IPv6 is IPv4."""
    try:
        if ":" not in text:
            return socket.inet_pton(socket.AF_INET, text)
        packed = socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        return None
    return packed.removeprefix(_IPV4_MAPPED)


def _text(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


class Networks:
    """Many networks: to ask costs one look for each length of prefix that they have."""

    def __init__(self, networks: Iterable[IPNetwork] = ()) -> None:
        # By the length of an address in bytes, and the bits that may differ.
        self._prefixes: dict[int, dict[int, set[int]]] = {4: {}, 16: {}}
        for network in networks:
            host_bits = network.max_prefixlen - network.prefixlen
            prefixes = self._prefixes[network.max_prefixlen // 8].setdefault(host_bits, set())
            prefixes.add(int(network.network_address) >> host_bits)

    def __bool__(self) -> bool:
        return any(self._prefixes.values())

    def __contains__(self, address: str) -> bool:
        packed = _packed(address) if self else None
        return packed is not None and self.contains(packed)

    def cover(self, address: str) -> bool:
        """Whether the address is in one of them, or the IPv4 address that it stands for."""
        packed = _packed(address) if self else None
        return packed is not None and (self.contains(packed) or self.contains(without_ipv6(packed)))

    def contains(self, packed: bytes) -> bool:
        number = int.from_bytes(packed, "big")
        return any(number >> host_bits in prefixes for host_bits, prefixes in self._prefixes[len(packed)].items())


class TrustedProxies:
    """Peers whose `X-Forwarded-For` is believed."""

    def __init__(self, networks: Iterable[IPNetwork]) -> None:
        self._networks = Networks(networks)
        self._is_empty = not self._networks
        # Few peers connect, again and again.
        self._trusts = lru_cache(maxsize=256)(self._networks.__contains__)

    def client_of(self, scope: Mapping[str, Any]) -> str:
        """The address of a request's client, as text."""
        peer: str = scope["client"][0] if scope.get("client") else UNKNOWN
        if self._is_empty or not self._trusts(peer):
            return peer
        return self.client_behind(peer, b",".join([v for name, v in scope["headers"] if name == b"x-forwarded-for"]))

    def client_behind(self, peer: str, forwarded_for: bytes) -> str:
        """The address of the client behind the peer, by the values of `X-Forwarded-For`, joined by commas.

        They count only behind a trusted peer, and are read from the right: the first entry that is not a trusted proxy
        is the client. Anybody could have written the entries to its left.
        """
        if self._is_empty or not self._trusts(peer):
            return peer
        for entry in reversed(forwarded_for.decode("latin-1").split(",")):
            text = entry.strip()
            if not text:
                continue
            packed = _packed(text) or _packed(_without_port(text))
            if packed is None:
                break
            peer = _text(packed)
            if not self._networks.contains(packed):
                break
        return peer


def client_network(address: str) -> str:
    """What a limit counts as one client: an IPv4 address, or an IPv6 /64, which one subscriber has whole."""
    if ":" not in address:
        return address
    packed = _packed(address)
    if packed is None:
        return address
    return _text(packed) if len(packed) == 4 else _network(packed, 64)


def coarse_network(address: str) -> str | None:
    """What may be kept of an address: an IPv4 /24 or an IPv6 /48, which tells no single client; None for no address."""
    packed = _packed(address)
    if packed is None:
        return None
    return _network(packed, 24 if len(packed) == 4 else 48)


def _network(packed: bytes, bits: int) -> str:
    """The network of whole bytes that the address lies in."""
    return f"{_text(packed[: bits // 8].ljust(len(packed), bytes(1)))}/{bits}"
