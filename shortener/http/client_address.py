"""The address of a request's client, and the network that limits count as one client."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from shortener.places.addresses import address_text, packed_address, without_ipv6
from shortener.settings.values import IPNetwork

UNKNOWN = "unknown"


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
        packed = packed_address(address) if self else None
        return packed is not None and self.contains(packed)

    def cover(self, address: str) -> bool:
        """Whether the address is in one of them, or the IPv4 address that it stands for."""
        packed = packed_address(address) if self else None
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
            packed = packed_address(text) or packed_address(_without_port(text))
            if packed is None:
                break
            peer = address_text(packed)
            if not self._networks.contains(packed):
                break
        return peer


def client_network(address: str) -> str:
    """The network that limits count as one client: an IPv4 address, or an IPv6 /64, which belongs to one subscriber."""
    if ":" not in address:
        return address
    packed = packed_address(address)
    if packed is None:
        return address
    return address_text(packed) if len(packed) == 4 else _network(packed, 64)


def coarse_network(address: str) -> str | None:
    """What may be kept of an address: an IPv4 /24 or an IPv6 /48, which tells no single client; None for no address."""
    packed = packed_address(address)
    if packed is None:
        return None
    return _network(packed, 24 if len(packed) == 4 else 48)


def _network(packed: bytes, bits: int) -> str:
    """The network of whole bytes that the address lies in."""
    return f"{address_text(packed[: bits // 8].ljust(len(packed), bytes(1)))}/{bits}"
