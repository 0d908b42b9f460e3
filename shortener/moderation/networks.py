"""Parses networks of clients as people write them. Pure."""

import ipaddress

from shortener.places.addresses import without_ipv6
from shortener.settings.values import IPNetwork
from shortener.text import trim

# One subscriber has a whole network of this size.
_IPV6_CLIENT = 64


def read_network(text: str) -> IPNetwork:
    """Parse an address or a network. A single IPv6 address means the IPv4 address in it, or its /64. Raises
    ValueError."""
    try:
        network = ipaddress.ip_network(trim(text), strict=False)
    except ValueError:
        raise ValueError("this is not an address or a network; use a form such as 192.0.2.7 or 2001:db8::/48") from None
    if not isinstance(network, ipaddress.IPv6Network):
        return network
    address = network.network_address
    if address.ipv4_mapped is not None and network.prefixlen >= 96:
        return ipaddress.ip_network((address.ipv4_mapped, network.prefixlen - 96))
    if "/" in text:
        return network
    packed = without_ipv6(address.packed)
    return ipaddress.ip_network(packed) if len(packed) == 4 else network.supernet(new_prefix=_IPV6_CLIENT)
