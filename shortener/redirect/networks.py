"""Networks of addresses, as conditions of links name them. Pure."""

import ipaddress
import socket
from typing import NamedTuple


class Network(NamedTuple):
    """Addresses of `length` bytes that equal `value` in the bits of `mask`."""

    length: int
    mask: int
    value: int


def parse_network(text: str) -> Network:
    """A network in CIDR notation, or an IPv4 address with `*` for whole parts. IPv4 within IPv6 is IPv4.
    Raises ValueError."""
    return _plain(text) or _unusual(text)


def _plain(text: str) -> Network | None:
    """An address, or an address and the length of a prefix: as `_unusual` reads it, in a quarter of the time. None for
    anything else."""
    address, slash, digits = text.partition("/")
    try:
        packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    except (OSError, ValueError):
        return None
    bits = prefix = 8 * len(packed)
    if slash:
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 3 and int(digits) <= bits):
            return None
        prefix = int(digits)
    value = int.from_bytes(packed, "big") >> (bits - prefix) << (bits - prefix)
    if bits == 128 and prefix >= 96 and value >> 32 == 0xFFFF:
        bits, prefix, value = 32, prefix - 96, value & 0xFFFFFFFF
    return Network(bits // 8, (1 << bits) - (1 << (bits - prefix)), value)


def _unusual(text: str) -> Network:
    """Raises ValueError."""
    parts = text.split(".")
    mask = None
    if "*" in parts and len(parts) == 4 and "/" not in text:
        mask = int.from_bytes(bytes(0 if part == "*" else 255 for part in parts), "big")
        text = ".".join("0" if part == "*" else part for part in parts)
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("not a network; use a form such as 192.0.2.0/24 or 192.0.2.*") from None
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= 96:
        network = ipaddress.ip_network((mapped, network.prefixlen - 96))
    length = network.max_prefixlen // 8
    return Network(length, int(network.netmask) if mask is None else mask, int(network.network_address))
