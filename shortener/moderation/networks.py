"""Networks of clients as people write them. Pure."""

import ipaddress

from shortener.http.client_address import without_ipv6
from shortener.settings.values import IPNetwork
from shortener.text import trim

# One subscriber has such a network whole.
_IPV6_CLIENT = 64


def read_network(text: str) -> IPNetwork:
    """An address or a network. An IPv6 address alone stands for the IPv4 address within it, or for the /64 that it is
    in. Raises ValueError."""
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
