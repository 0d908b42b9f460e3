"""Networks of clients as people write them. Pure."""

import ipaddress

from shortener.setting_values import IPNetwork

# One subscriber has such a network whole.
_IPV6_CLIENT = 64


def read_network(text: str) -> IPNetwork:
    """An address or a network; an IPv6 address alone stands for the /64 that it is in. Raises ValueError."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError("this is no address or network, such as 192.0.2.7 or 2001:db8::/48") from None
    if isinstance(network, ipaddress.IPv6Network):
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen >= 96:
            return ipaddress.ip_network((mapped, network.prefixlen - 96))
        if "/" not in text:
            return network.supernet(new_prefix=_IPV6_CLIENT)
    return network
