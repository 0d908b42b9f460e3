"""WebSockets: the same messages, channels that come and go, tickets, origins, and the protocol."""

import asyncio
import base64
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
import wsproto
from wsproto import events

from shortener.http import socket_protocol
from shortener.http.protocol import BoundedProtocol
from shortener.http.socket_protocol import BoundedSocketProtocol
from shortener.live.parts import HUB
from shortener.main import create_app
from shortener.redirect.protocol import RedirectProtocol
from tests.clicks.make import click
from tests.conftest import changed, eventually, running_app
from tests.links.test_api import assert_problem
from tests.live.listening import LIVE, socket
from tests.workspaces.conftest import LINKS, URL

OUR_ORIGIN = {"origin": "https://sho.rt"}


async def ticket_of(who) -> tuple[str, ...]:
    made = await who.post(f"{LIVE}/tickets")
    assert made["expires_in"] == 30
    return ("shortener.live", f"ticket.{made['ticket']}")


async def test_a_socket_hears_the_same_messages(app, ada, bob, place, worker):
    async with socket(app, ada.account.headers, place.of_link, "me") as one:
        ready = {"channels": sorted([place.of_link, "me"]), "degraded": False, "totals": {place.link: 0}}
        assert (await one.next())["data"] == ready
        comment = await bob.post(f"{place.path}/comments", text="@ada hello")
        heard = {message["type"]: message["data"] for message in (await one.next(), await one.next())}
        assert heard["comment.created"] == comment
        assert heard["notification.created"]["comment"] == comment["id"]
        await worker.write(click(place.number))
        assert (await one.next())["data"]["total"] == 1


async def test_channels_come_and_go(app, ada, eve, place, worker):
    theirs = (await eve.post(LINKS, url=URL))["id"]
    async with socket(app, ada.account.headers) as one:
        assert (await one.next())["data"]["channels"] == []
        await one.say("subscribe", place.of_link, f"link:{theirs}")
        assert (await one.next("subscribed"))["data"]["channels"] == [place.of_link]
        refused = await one.next("refused")
        assert refused["data"] == {"reason": "channel-not-found", "channels": [f"link:{theirs}"]}
        await ada.post(f"{place.path}/comments", text="heard")
        assert (await one.next())["data"]["text"] == "heard"
        await one.say("unsubscribe", place.of_link)
        await one.next("unsubscribed")
        await ada.post(f"{place.path}/comments", text="not heard")
        assert await one.types() == []


@pytest.mark.parametrize(
    "said", ["", "{}", "[]", '{"type": "shout", "channels": []}', '{"type": "subscribe", "channels": ["all"]}']
)
async def test_what_a_socket_does_not_understand_it_refuses_and_goes_on(app, ada, place, said):
    async with socket(app, ada.account.headers, place.of_link) as one:
        await one.next("ready")
        await one.send_text(said)
        await one.next("refused")
        await one.say("subscribe", "me")
        await one.next("subscribed")


async def test_a_socket_has_a_bounded_number_of_channels(app, ada, monkeypatch):
    monkeypatch.setattr("shortener.live.channels.MAX_CHANNELS", 2)
    async with socket(app, ada.account.headers, "me") as one:
        await one.next("ready")
        await one.say("subscribe", *(f"workspace:{n:032x}" for n in range(2)))
        assert "at most 2" in (await one.next("refused"))["data"]["reason"]


async def test_a_revoked_key_closes_its_socket_within_a_second(app, ada, place):
    key = await ada.account.create_key("links:read")
    async with socket(app, {"X-API-Key": key["key"]}, "me") as one:
        await one.next("ready")
        await ada.ask("DELETE", f"/api/v1/keys/{key['id']}")
        async with asyncio.timeout(1):
            assert (await one.next("closed"))["data"] == {"reason": "revoked"}
        await eventually(lambda: one.close_code == 4401)


async def test_a_ticket_lets_one_socket_of_a_browser_in(app, ada, place):
    protocols = await ticket_of(ada)
    async with socket(app, OUR_ORIGIN, "me", subprotocols=protocols) as one:
        assert one.headers["subprotocol"] == "shortener.live"
        await one.next("ready")
        [listener] = app.state.parts[HUB].listeners
        assert listener.principal.scopes
    async with socket(app, OUR_ORIGIN, "me", subprotocols=protocols) as again:
        assert again.status == 401


async def test_a_ticket_is_of_no_use_when_it_is_old_forged_or_of_a_session_that_has_ended(app, ada, place, monkeypatch):
    protocols = await ticket_of(ada)
    ticket = protocols[1].removeprefix("ticket.")
    signed = base64.urlsafe_b64decode(ticket + "=" * (-len(ticket) % 4))
    forged = [signed[:-1] + b" ", b"\x00" * 32 + signed[32:], signed[:40], b""]
    for wrong in [*(base64.urlsafe_b64encode(text).rstrip(b"=").decode() for text in forged), "ä", "!", "a" * 5000]:
        async with socket(app, OUR_ORIGIN, "me", subprotocols=("shortener.live", f"ticket.{wrong}")) as one:
            assert (wrong, one.status) == (wrong, 401)
    with monkeypatch.context() as patch:
        patch.setattr("shortener.live.tickets.LIFETIME_S", -1)
        made = await ada.post(f"{LIVE}/tickets")
        async with socket(app, OUR_ORIGIN, "me", subprotocols=(f"ticket.{made['ticket']}",)) as one:
            assert one.status == 401
    assert await ada.status("POST", "/api/v1/auth/logout") == 204
    async with socket(app, OUR_ORIGIN, "me", subprotocols=protocols) as one:
        assert one.status == 401


async def test_a_page_of_another_origin_opens_no_socket(app, ada, settings):
    protocols = await ticket_of(ada)
    for origin in ("https://evil.example", "null", "http://sho.rt:81", "https://sho.rt.evil.example", "file://"):
        async with socket(app, {"origin": origin}, "me", subprotocols=protocols) as one:
            assert (origin, one.status) == (origin, 403)
            assert json.loads(one.body)["type"].endswith("origin-refused")
    allowed = changed(settings, cors_origins="https://app.example")
    async with (
        running_app(allowed) as other,
        socket(other, {"origin": "https://app.example"}, "me", subprotocols=protocols) as one,
    ):
        assert (await one.next("ready"))["data"]["channels"] == ["me"]


async def test_a_socket_needs_what_the_api_needs(app, ada, eve, place):
    wrong = (await ada.account.create_key("stats:read"))["key"]
    for headers, channel, status in (
        ({}, place.of_link, 401),
        ({"X-API-Key": "shr_abcdef_" + "x" * 43}, "me", 401),
        ({"X-API-Key": wrong}, "me", 403),
        (eve.account.headers, place.of_link, 404),
        (ada.account.headers, "all", 422),
    ):
        async with socket(app, headers, channel) as one:
            assert (channel, one.status) == (channel, status)
            assert one.headers["content-type"] == "application/problem+json"
    async with socket(app, {}, "me", access_token=ada.account.access) as one:
        assert one.status == 401


async def test_tickets_are_only_made_for_a_credential(app, client, ada):
    assert_problem(await client.post(f"{LIVE}/tickets"), 401, "authentication-required")


# The protocol


class Client:
    """A WebSocket over TCP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.connection = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)

    async def next(self) -> Any:
        while True:
            for event in self.connection.events():
                return event
            data = await asyncio.wait_for(self.reader.read(65536), 5)
            self.connection.receive_data(data or None)

    def send(self, event: Any) -> None:
        self.writer.write(self.connection.send(event))


@contextlib.asynccontextmanager
async def server(settings, http: type[BoundedProtocol]) -> AsyncIterator[tuple[uvicorn.Server, tuple[str, int]]]:
    config = uvicorn.Config(
        create_app(settings),
        http=http,
        ws=BoundedSocketProtocol,
        ws_max_size=socket_protocol.MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        port=0,
        log_config=None,
        proxy_headers=False,
    )
    running = uvicorn.Server(config)
    serving = asyncio.create_task(running.serve())
    await eventually(lambda: running.started, within_s=20)
    yield running, running.servers[0].sockets[0].getsockname()
    running.should_exit = True
    await asyncio.wait_for(serving, 10)


@contextlib.asynccontextmanager
async def client_at(address, headers: dict[str, str], *channels: str) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(*address)
    client = Client(reader, writer)
    path = f"{LIVE}?{'&'.join(f'channel={channel}' for channel in channels)}"
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    client.send(events.Request(host="sho.rt", target=path, extra_headers=sent))
    yield client
    writer.close()


@pytest.fixture(params=[RedirectProtocol, BoundedProtocol], ids=["redirects", "with an access log"])
def http(request):
    return request.param


async def test_the_protocol_takes_an_upgrade_for_this_path_alone(settings, ada, http):
    async with server(settings, http) as (_, address):
        async with client_at(address, ada.account.headers, "me") as client:
            assert isinstance(await client.next(), events.AcceptConnection)
            ready = await client.next()
            assert json.loads(ready.data)["type"] == "ready"
        head = "Host: sho.rt\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        head += f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}\r\n\r\n"
        for line, status in (
            ("GET /health/live HTTP/1.1", b"200"),
            ("GET /api/v1/livelier HTTP/1.1", b"404"),
            ("POST /api/v1/live HTTP/1.1", b"405"),
            ("GET /api/v1/live HTTP/1.0", b"401"),
        ):
            assert (line, await said(address, f"{line}\r\n{head}")) == (line, status)


async def said(address, request: str) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request.encode())
    line = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    return line.split(b" ")[1]


async def test_a_refused_handshake_is_answered_with_a_problem(settings, ada, http):
    async with server(settings, http) as (_, address), client_at(address, {}, "me") as client:
        refusal = await client.next()
        assert isinstance(refusal, events.RejectConnection)
        assert refusal.status_code in {401, 422}


async def test_what_comes_behind_the_handshake_before_its_answer_opens_no_socket(settings, ada, http):
    head = "GET /api/v1/live?channel=me HTTP/1.1\r\nHost: sho.rt\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    async with server(settings, http) as (_, address):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(f"{head}\r\nGET /health/live HTTP/1.1\r\nHost: sho.rt\r\n\r\n".encode())
        line = await asyncio.wait_for(reader.readline(), 5)
        assert b"101" not in line
        writer.close()


async def test_a_socket_that_reads_nothing_is_cut_off(settings, ada, place, monkeypatch):
    monkeypatch.setattr(socket_protocol, "STALL_TIMEOUT_S", 0.3)
    async with server(settings, RedirectProtocol) as (running, address):  # noqa: SIM117  (one ends first)
        async with client_at(address, ada.account.headers, place.of_link) as client:
            await client.next()
            hub = running.config.app.state.parts[HUB]
            [listener] = await eventually(lambda: list(hub.listeners))
            client.reader._transport.pause_reading()
            for _ in range(400):
                hub.send([listener], hub.message("heartbeat", {"x": "x" * 50_000}))
                await asyncio.sleep(0.002)
            await eventually(lambda: not running.server_state.connections)


async def test_a_message_that_is_too_large_ends_the_socket(settings, ada):
    async with server(settings, RedirectProtocol) as (_, address):  # noqa: SIM117  (one ends first)
        async with client_at(address, ada.account.headers, "me") as client:
            await client.next()
            client.send(events.TextMessage(data="x" * (socket_protocol.MAX_MESSAGE_BYTES + 1)))
            while not isinstance(event := await client.next(), events.CloseConnection):
                pass
            assert event.code == 1009


async def test_a_server_that_stops_ends_streams_and_sockets_at_once(settings, ada, http):
    async with server(settings, http) as (running, address):  # noqa: SIM117  (one ends first)
        async with client_at(address, ada.account.headers, "me") as client:
            await client.next()
            reader, writer = await asyncio.open_connection(*address)
            authorization = f"Authorization: {ada.account.headers['Authorization']}"
            writer.write(f"GET {LIVE}?channel=me HTTP/1.1\r\nHost: sho.rt\r\n{authorization}\r\n\r\n".encode())
            await reader.readuntil(b'"ready"')
            running.should_exit = True
            async with asyncio.timeout(3):
                assert b'"stopping"' in await reader.read()
                while not isinstance(await client.next(), events.CloseConnection):
                    pass
            writer.close()
