"""Bytes in, after or instead of a body are never taken for a request, nor read without end."""

import asyncio
import json

import pytest

from shortener.http import body_limit
from shortener.http.protocol import MAX_HEAD_BYTES
from tests.hostile_clients.conftest import HEAD, assert_alive, connected


async def test_a_large_body_is_no_large_head(address):
    links = [{"url": f"https://example.com/{'x' * 1900}{n}"} for n in range(300)]
    body = json.dumps({"links": links}).encode()
    head = (
        b"POST /api/v1/links/bulk HTTP/1.1\r\nHost: sho.rt\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    async with connected(address) as raw:
        await raw.send(head + body)
        assert b"HTTP/1.1 200 " in await raw.answer()
    async with connected(address) as raw:
        await raw.send(head)
        for start in range(0, len(body), 100_000):
            await raw.send(body[start : start + 100_000])
        assert b"HTTP/1.1 200 " in await raw.answer()


async def test_a_body_that_comes_slowly_is_refused_when_its_time_is_over(address, monkeypatch):
    assert body_limit.MAX_BODY_S == 120
    monkeypatch.setattr(body_limit, "MAX_BODY_S", 0.5)
    async with connected(address) as raw:
        await raw.send(
            b"POST /api/v1/links HTTP/1.1\r\nHost: sho.rt\r\nContent-Type: application/json\r\n"
            b'Connection: close\r\nContent-Length: 100\r\n\r\n{"url"'
        )
        said = await raw.answer()
        assert said.startswith(b"HTTP/1.1 408 ")
        assert b"urn:shortener:problem:request-timeout" in said


CHUNKED = (
    b"POST /api/v1/links HTTP/1.1\r\nHost: sho.rt\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)
LINK = b'{"url": "https://example.com/"}'


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize("pieces", [1, 3], ids=["at once", "in pieces"])
async def test_headers_behind_a_body_are_none_of_the_request(address, pieces):
    """No proxy has looked at them: a client could so name an address of its choice, or show a key beside another."""
    async with connected(address) as raw:
        parts = [CHUNKED, chunk(LINK[:10]) + chunk(LINK[10:]), b"0\r\nX-API-Key: shr_nobody\r\n\r\n"]
        for part in [b"".join(parts)] if pieces == 1 else parts:
            await raw.send(part)
            await asyncio.sleep(0.05)
        assert b"HTTP/1.1 201 " in await raw.answer()


ENDLESS_TRAILERS = {"fields": (b"", b"a: b\r\n" * 4000), "one field": (b"a: ", b"x" * 16384)}


@pytest.mark.parametrize(("begin", "more"), ENDLESS_TRAILERS.values(), ids=ENDLESS_TRAILERS)
@pytest.mark.parametrize("path", [b"/api/v1/links", b"/health/live"], ids=["before the answer", "behind the answer"])
async def test_headers_behind_a_body_without_end_are_read_no_further_than_the_bound(address, begin, more, path):
    async with connected(address) as raw:
        kept_open = CHUNKED.replace(b"Connection: close\r\n", b"").replace(b"/api/v1/links", path)
        await raw.send(kept_open + chunk(b"{") + b"0\r\n" + begin)
        sent = 0
        while not raw.reader.at_eof() and not raw.writer.is_closing() and sent < 200 * MAX_HEAD_BYTES:
            await raw.send(more)
            sent += len(more)
            await asyncio.sleep(0)
        assert sent < 200 * MAX_HEAD_BYTES
        assert (await raw.answer()).count(b"HTTP/1.1 ") <= 1
    await assert_alive(address)


async def test_a_body_in_many_chunks_is_no_large_head(address):
    links = [{"url": f"https://example.com/{'x' * 1900}{n}"} for n in range(100)]
    body = json.dumps({"links": links}).encode()
    starts = range(0, len(body), 2 * MAX_HEAD_BYTES)
    sent = b"".join(chunk(body[start : start + 2 * MAX_HEAD_BYTES]) for start in starts) + b"0\r\n\r\n"
    async with connected(address) as raw:
        await raw.send(CHUNKED.replace(b"/links ", b"/links/bulk "))
        while sent:
            # Each piece ends where headers could follow.
            end = sent.find(b"\r\n", 2) + 2
            await raw.send(sent[:end])
            sent = sent[end:]
            await asyncio.sleep(0.01)
        assert b"HTTP/1.1 200 " in await raw.answer()


ASKS_TO_UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"


async def test_a_request_that_asks_for_another_protocol_is_answered_with_its_body(address):
    """As clients do that would rather speak HTTP/2 and know of no reason not to."""
    head = b"POST /api/v1/links HTTP/1.1\r\nHost: sho.rt\r\nContent-Type: application/json\r\n" + ASKS_TO_UPGRADE
    announced = head + b"Content-Length: %d\r\n\r\n" % len(LINK)
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    async with connected(address) as raw:
        for request in (announced + LINK, chunked + chunk(LINK) + b"0\r\n\r\n"):
            for size in (len(request), 40):
                for start in range(0, len(request), size):
                    await raw.send(request[start : start + size])
                    await asyncio.sleep(0.01)
                said = await raw.reader.readuntil(b"\r\n\r\n")
                assert said.startswith(b"HTTP/1.1 201 "), said
                await raw.reader.readuntil(b"}")
        await raw.send(HEAD + b"Connection: close, upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert b" 200 OK\r\n" in await raw.answer()


async def test_a_body_behind_a_wish_for_another_protocol_is_no_second_request(address):
    hidden = HEAD + b"\r\n"
    async with connected(address) as raw:
        await raw.send(
            b"POST /nowhere/at/all HTTP/1.1\r\nHost: sho.rt\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            b"Content-Length: %d\r\n\r\n" % len(hidden)
        )
        await asyncio.sleep(0.1)
        await raw.send(hidden + HEAD + b"Connection: close\r\n\r\n")
        said = await raw.answer()
        assert (said.count(b"HTTP/1.1 404 "), said.count(b"HTTP/1.1 ")) == (1, 2)


async def test_many_wishes_for_another_protocol_in_one_piece_are_as_many_requests(address):
    """More of them than Python would let a function call itself."""
    wish = HEAD + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    count = 1500
    async with connected(address) as raw:
        await raw.send(wish * count + HEAD + b"Connection: close\r\n\r\n")
        assert (await raw.answer()).count(b" 200 OK\r\n") == count + 1
