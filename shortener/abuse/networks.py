"""Networks of clients. Pure."""

import ipaddress
from collections.abc import Iterable

from shortener.client_address import parse_address
from shortener.settings import IPNetwork

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


class Networks:
    """Many networks: to ask costs one look for each length of prefix that they have."""

    def __init__(self, networks: Iterable[IPNetwork] = ()) -> None:
        self._by_length: dict[tuple[int, int], set[int]] = {}
        for network in networks:
            host_bits = network.max_prefixlen - network.prefixlen
            prefixes = self._by_length.setdefault((network.version, host_bits), set())
            prefixes.add(int(network.network_address) >> host_bits)

    def __contains__(self, text: str) -> bool:
        address = parse_address(text) if self._by_length else None
        if address is None:
            return False
        number = int(address)
        return any(
            version == address.version and number >> host_bits in prefixes
            for (version, host_bits), prefixes in self._by_length.items()
        )
