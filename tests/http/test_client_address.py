"""Which client a request comes from: by its peer, by what a trusted proxy says, and by the network that it is in."""

import pytest

from shortener.http.client_address import TrustedProxies, client_network
from shortener.settings import load_settings
from tests.conftest import SECRET, changed, client_of, running_app
from tests.links.test_api import LINKS


async def counted_together(settings, clients: list[tuple[str, str | None]]) -> bool:
    """Whether these, each a peer and what it forwards, are one client to the limit."""
    async with running_app(changed(settings, limit_api=f"{len(clients) - 1}/minute")) as app:
        found = []
        for peer, forwarded in clients:
            async with client_of(app, peer) as client:
                headers = {"X-Forwarded-For": forwarded} if forwarded else {}
                found.append((await client.get(LINKS, headers=headers)).status_code)
        return found[-1] == 429


async def test_an_ipv6_network_of_64_bits_is_one_client(settings):
    assert await counted_together(settings, [("2001:db8:1:2::1", None), ("2001:db8:1:2:ffff:ffff:ffff:ffff", None)])
    assert not await counted_together(settings, [("2001:db8:5:2::1", None), ("2001:db8:5:3::1", None)])


async def test_two_ipv4_addresses_are_two_clients(settings):
    assert not await counted_together(settings, [("198.51.100.1", None), ("198.51.100.2", None)])
    assert await counted_together(settings, [("198.51.100.3", None), ("::ffff:198.51.100.3", None)])


async def test_nobody_can_pass_for_another_client_by_a_header(settings):
    assert await counted_together(settings, [("198.51.100.4", f"192.0.2.{i}") for i in range(5)])


async def test_behind_a_trusted_proxy_the_client_it_saw_is_counted(settings):
    behind = changed(settings, trusted_proxies="10.0.0.0/8, fd00::/8")
    proxied = [("10.0.0.1", f"6.6.6.{i}, 192.0.2.1") for i in range(3)]
    assert await counted_together(behind, proxied)
    assert not await counted_together(behind, [("10.0.0.1", "192.0.2.2"), ("10.0.0.1", "192.0.2.3")])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.1", ["192.0.2.1"], "198.51.100.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["6.6.6.6", "192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["6.6.6.6, 192.0.2.1, 10.9.9.9"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1,10.9.9.9 , 10.8.8.8"], "192.0.2.1"),
        ("10.0.0.1", ["10.7.7.7, 10.8.8.8"], "10.7.7.7"),
        ("10.0.0.1", ["192.0.2.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1, nonsense, 10.8.8.8"], "10.8.8.8"),
        ("10.0.0.1", [", ,192.0.2.1, ,"], "192.0.2.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1:1234"], "192.0.2.1"),
        ("10.0.0.1", ["[2001:db8::1]:1234"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["::ffff:192.0.2.1"], "192.0.2.1"),
        ("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("fd00::1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["\xff\xfe"], "10.0.0.1"),
        ("10.0.0.1", ["unknown, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1\x00"], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2"], "10.0.0.1"),
        ("10.0.0.1", ["2001:DB8:0::1%eth0"], "2001:db8::1"),
        ("192.0.2.9", ["192.0.2.1"], "192.0.2.9"),
        ("", ["192.0.2.1"], ""),
    ],
)  # fmt: skip
def test_forwarded_addresses_are_read_from_the_right_and_only_behind_trusted_peers(peer, forwarded, address):
    proxies = TrustedProxies(load_settings(secret_key=SECRET, trusted_proxies="10.0.0.0/8,fd00::/8").trusted_proxies)
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    assert proxies.client_of({"client": (peer, 1), "headers": headers}) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_what_counts_as_one_client(address, network):
    assert client_network(address) == network


def test_a_server_on_a_unix_socket_knows_no_peer():
    assert TrustedProxies(()).client_of({"client": None, "headers": []}) == "unknown"
