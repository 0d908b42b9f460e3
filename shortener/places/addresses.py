"""Addresses as bytes.

Each redirect parses an address, and there are too many clients to remember them. So the system's own parser is used,
which takes a tenth of the time of the `ipaddress` module.
"""

import socket

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


def packed_address(text: str) -> bytes | None:
    """An address in its 4 or 16 bytes. An IPv4 address that is mapped to IPv6 is IPv4."""
    try:
        if ":" not in text:
            return socket.inet_pton(socket.AF_INET, text)
        packed = socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        return None
    return packed.removeprefix(_IPV4_MAPPED)


def address_text(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
