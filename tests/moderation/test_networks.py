"""Which clients a ban is about."""

import pytest

from shortener.http.client_address import Networks
from shortener.moderation.networks import read_network


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        (" 192.0.2.7/24 ", "192.0.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:1:2:3::7", "2001:db8:1:2::/64"),
        ("2001:db8::7/128", "2001:db8::7/128"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::192.0.2.7", "192.0.2.7/32"),
        ("64:ff9b::c000:207", "192.0.2.7/32"),
        ("2002:c000:207::1", "192.0.2.7/32"),
        ("2001:0:1:2:3:4:3fff:fdf8", "192.0.2.7/32"),
        ("::1", "::/64"),
    ],
)
def test_what_a_text_stands_for(text, network):
    assert str(read_network(text)) == network


@pytest.mark.parametrize(
    "text", ["", "localhost", "192.0.2", "192.0.2.0/33", "2001:db8::/129", "1.2.3.4/24/8", "unknown"]
)
def test_what_stands_for_nothing(text):
    with pytest.raises(ValueError, match="not an address or a network"):
        read_network(text)


@pytest.mark.parametrize(
    "address",
    ["192.0.2.1", "::ffff:192.0.2.1", "::192.0.2.1", "64:ff9b::192.0.2.1", "64:ff9b:1::c000:201", "2002:c000:201::7"],
)
def test_a_ban_of_an_ipv4_address_covers_the_ipv6_addresses_that_stand_for_it(address):
    assert Networks([read_network("192.0.2.0/24")]).cover(address)
    assert not Networks([read_network("192.0.3.0/24")]).cover(address)


def test_an_address_is_in_a_network_however_it_is_written():
    networks = Networks(map(read_network, ["192.0.2.0/24", "198.51.100.7", "2001:db8::1", "2001:db8:ff00::/40"]))
    for address in ("192.0.2.255", "198.51.100.7", "::ffff:192.0.2.1", "2001:db8:0:0:ffff::", "2001:db8:ffff::1%eth0"):
        assert address in networks, address
    for address in ("192.0.3.0", "198.51.100.8", "2001:db8:0:1::", "2001:db8:fe00::", "unknown", "", "::c000:201"):
        assert address not in networks, address
    assert "192.0.2.1" not in Networks()
    assert "2001:db8::1" in Networks([read_network("::/0")])
    assert "192.0.2.1" not in Networks([read_network("::/0")])
