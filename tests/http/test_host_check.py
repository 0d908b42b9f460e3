"""Where nobody logs in, the API and the pages answer only under the names of the service."""

import asyncio

import httpx
import pytest

from shortener.http.host_check import own_authorities, read_authority
from tests.conftest import changed, client_of, create_link, running_app
from tests.links.test_api import LINKS, assert_problem
from tests.serving import serving

STRANGER = "evil.example:8000"
OWN = ("127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "localhost.:8000", "[::1]:8000", "[0:0:0:0:0:0:0:1]:8000")
FOREIGN = (
    STRANGER,
    "evil.example",
    "",
    "localhost",
    "localhost:8001",
    "localhost:80",
    "localhost:8000.evil.example",
    "localhost.evil.example:8000",
    "evil.example@localhost:8000",
    "localhost:8000@evil.example",
    "localhost:8000, evil.example",
    "localhost:8000/",
    "http://localhost:8000",
    "127.0.0.1.evil.example:8000",
    "0.0.0.0:8000",
    "2130706433:8000",
    "[::]:8000",
    "[::1:8000",
    "::1:8000",
    "localhost:+8000",
    "localhost:008000",
    "localhost:٨٠٠٠",
    "localhost%2e:8000",
)
PAGES = ("/docs", "/redoc", "/openapi.json", "/static/docs.js", "/", "/-/", "/nothing/here", "/ab")


@pytest.fixture
def on_loopback(settings):
    """As `shortener up` has it on a laptop."""
    return changed(settings, base_url="http://127.0.0.1:8000", port=8000)


async def test_a_page_that_points_its_name_at_this_machine_gets_nothing(on_loopback, database):
    async with running_app(on_loopback) as app, client_of(app) as client:
        await create_link(client, code="mine")
        forged = {"Host": STRANGER, "Origin": f"http://{STRANGER}"}
        for method, path, body in (
            ("POST", LINKS, {"url": "https://example.com/"}),
            ("GET", LINKS, None),
            ("GET", f"{LINKS}/mine", None),
            ("PATCH", f"{LINKS}/mine", {"disabled": True}),
            ("DELETE", f"{LINKS}/mine", None),
            ("OPTIONS", LINKS, None),
            ("GET", "/api/v1/nothing", None),
            *(("GET", path, None) for path in PAGES),
        ):
            answer = await client.request(method, path, json=body, headers=forged)
            assert_problem(answer, 421, "misdirected-request")
            assert "http://127.0.0.1:8000," in answer.json()["detail"]
            assert answer.headers["cache-control"] == "private, no-store"
            assert "x-content-type-options" in answer.headers
            assert not any(name.startswith("access-control-") for name in answer.headers)
        assert (await client.get(LINKS)).json()["total"] == 1


async def test_people_get_a_page_that_names_the_right_address_and_no_redirect(on_loopback):
    async with running_app(on_loopback) as app, client_of(app) as client:
        for path in (LINKS, *PAGES):
            answer = await client.get(path, headers={"Host": STRANGER, "Accept": "text/html,*/*;q=0.8"})
            assert answer.status_code == 421
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["vary"] == "Accept"
            assert '<a href="http://127.0.0.1:8000/-/">http://127.0.0.1:8000</a>' in answer.text
            assert "evil" not in answer.text


@pytest.mark.parametrize("host", OWN)
async def test_every_spelling_of_this_machine_is_answered(on_loopback, host):
    async with running_app(on_loopback) as app, client_of(app, headers={"Host": host}) as client:
        for path in (LINKS, "/docs", "/openapi.json"):
            assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("host", FOREIGN)
async def test_no_other_host_is_answered_however_it_looks(on_loopback, host):
    async with running_app(on_loopback) as app, client_of(app, headers={"Host": host.encode()}) as client:
        for path in (LINKS, "/docs"):
            assert (await client.get(path)).status_code == 421


async def test_two_hosts_are_as_good_as_none(on_loopback):
    async with running_app(on_loopback) as app:
        transport = httpx.ASGITransport(app=app)
        for hosts in (["localhost:8000", STRANGER], [STRANGER, "localhost:8000"], ["localhost:8000"] * 2):
            request = httpx.Request("GET", f"http://x{LINKS}", headers=[("Host", host) for host in hosts])
            assert (await transport.handle_async_request(request)).status_code == 421


async def test_links_are_followed_and_health_is_told_under_any_name(on_loopback):
    async with running_app(on_loopback) as app, client_of(app, headers={"Host": STRANGER}) as client:
        ours = {"Host": "localhost:8000"}
        await client.post(LINKS, json={"url": "https://example.com/", "code": "live"}, headers=ours)
        assert (await client.get("/live")).status_code == 302
        assert (await client.get("/live+")).status_code == 200
        assert (await client.get("/nowhere")).status_code == 404
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/health/ready")).status_code == 503


async def test_where_people_log_in_any_host_is_answered(on_loopback):
    for may in ({"anonymous_manage": False}, {"anonymous_links": False}):
        async with running_app(changed(on_loopback, **may)) as app, client_of(app) as client:
            answer = await client.get(LINKS, headers={"Host": STRANGER})
            assert_problem(answer, 401, "authentication-required")
            assert (await client.get("/docs", headers={"Host": STRANGER})).status_code == 200


@pytest.mark.parametrize(
    ("base_url", "port", "own", "foreign"),
    [
        ("https://sho.rt", 8000, ["sho.rt", "sho.rt:443", "SHO.RT.", "localhost:8000"], ["sho.rt:80", "sho.rt:8000"]),
        ("http://box.local:8080", 8000, ["box.local:8080", "127.0.0.1:8000"], ["box.local", "localhost:8080"]),
        ("http://localhost:9000", 8000, ["127.0.0.1:9000", "[::1]:8000", "localhost:9000"], ["localhost"]),
        (
            "http://127.0.0.1:80",
            80,
            ["127.0.0.1", "localhost", "[::1]", "localhost:80"],
            ["localhost:81"],
        ),
        ("https://localhost", 8000, ["localhost", "127.0.0.1:443"], ["localhost:80"]),
        ("http://[2001:db8:0::7]:8000", 8000, ["[2001:DB8::7]:8000", "[::1]:8000"], ["[2001:db8::8]:8000"]),
        ("https://bücher.example", 8000, ["xn--bcher-kva.example"], ["bucher.example"]),
        ("http://127.0.0.2:8000", 8000, ["127.0.0.2:8000", "127.0.0.1:8000"], ["127.0.0.3:8000"]),
    ],
)
def test_the_base_urls_host_and_this_machine_are_own_with_their_ports(settings, base_url, port, own, foreign):
    authorities = own_authorities(changed(settings, base_url=base_url, port=port))
    assert [host for host in own if read_authority(host) not in authorities] == []
    assert [host for host in foreign if read_authority(host) in authorities] == []


async def ask(url: str, head: str) -> bytes:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    status = await reader.readline()
    writer.close()
    return status


async def test_a_real_server_refuses_a_foreign_host_too(settings):
    with serving(settings) as url:
        own = url.removeprefix("http://")
        assert b" 200 " in await ask(url, f"GET {LINKS} HTTP/1.1\nHost: {own}")
        assert b" 421 " in await ask(url, f"GET {LINKS} HTTP/1.1\nHost: {STRANGER}")
        assert b" 421 " in await ask(url, f"GET {LINKS} HTTP/1.0")
        assert b" 200 " in await ask(url, "GET /health/live HTTP/1.0")
