"""A head that is too long, too slow, or not HTTP is refused; other clients are answered meanwhile."""

import asyncio
import contextlib
import time

import httpx
import psutil
import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shortener.http import protocol
from shortener.http.protocol import HEAD_TIMEOUT_S, MAX_HEAD_BYTES
from tests.conftest import create_link
from tests.hostile_clients.conftest import HEAD, assert_alive, assert_refused, connected


async def test_the_largest_head_is_read_and_a_larger_one_is_refused(address):
    end = b"Connection: close\r\n\r\n"
    room = MAX_HEAD_BYTES - len(HEAD) - len(b"X: \r\n") - len(end)
    for size, is_refused in ((room, False), (room + 1, True)):
        async with connected(address) as raw:
            await raw.send(HEAD + b"X: " + b"x" * size + b"\r\n" + end)
            said = await raw.answer()
            if is_refused:
                assert_refused(said, 431, "head-too-large")
            else:
                assert b" 200 OK\r\n" in said


BOMBS = {
    "one header without end": (HEAD + b"X: ", b"x" * 16384),
    "headers without end": (HEAD, b"a: b\r\n" * 2000),
    "a header's name without end": (HEAD, b"x" * 16384),
    "a path without end": (b"GET /", b"x" * 16384),
    "a query without end": (b"GET /health/live?", b"x=y&" * 4096),
    "folded lines without end": (HEAD + b"X: a\r\n", b" b\r\n" * 4096),
}


@pytest.mark.parametrize(("begin", "more"), BOMBS.values(), ids=BOMBS)
async def test_a_head_without_end_is_read_no_further_than_the_bound(address, begin, more):
    async with connected(address) as raw:
        await raw.send(begin)
        sent = 0
        while not raw.reader.at_eof() and sent < 200 * MAX_HEAD_BYTES:
            await raw.send(more)
            sent += len(more)
            if raw.writer.is_closing():
                break
            await asyncio.sleep(0)
        assert sent < 200 * MAX_HEAD_BYTES
    await assert_alive(address)


async def test_a_head_bomb_costs_no_memory(address):
    before = psutil.Process().memory_info().rss
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(50):
            raw = await stack.enter_async_context(connected(address))
            await raw.send(HEAD + b"X: " + b"x" * 20 * MAX_HEAD_BYTES)
        await assert_alive(address)
    assert psutil.Process().memory_info().rss - before < 50 * 2**20


async def test_a_head_that_comes_slowly_is_refused_when_its_time_is_over(address, monkeypatch):
    assert HEAD_TIMEOUT_S == 10
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.5)
    async with connected(address) as raw:
        began_at_s = time.monotonic()

        async def drip() -> None:
            for byte in HEAD * 100:
                await raw.send(bytes([byte]))
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        assert_refused(await raw.answer(), 408, "request-timeout")
        assert time.monotonic() - began_at_s < 5
        dripping.cancel()
        await assert_alive(address)


async def test_a_second_head_on_a_connection_has_no_more_time_than_the_first(address, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.5)
    async with connected(address) as raw:
        await raw.send(HEAD + b"\r\n")
        assert b" 200 OK\r\n" in await raw.reader.readuntil(b"\r\n\r\n")
        await raw.send(HEAD)
        assert b"HTTP/1.1 408 " in await raw.answer()


async def test_who_connects_and_asks_nothing_is_let_go_in_silence(address, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.3)
    async with connected(address) as raw:
        assert await raw.answer() == b""


async def test_a_slow_answer_is_no_slow_head(address, monkeypatch):
    """Once a head is complete, its time limit no longer applies, however long the connection is used."""
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.3)
    async with connected(address) as raw:
        for _ in range(8):
            await raw.send(HEAD + b"\r\n")
            head = await raw.reader.readuntil(b"\r\n\r\n")
            assert b" 200 OK\r\n" in head
            await raw.reader.readuntil(b"}")
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("keep_alive_s", [1])
@pytest.mark.parametrize("path", [b"/health/live", b"/abc"], ids=["a task", "a redirect"])
async def test_a_connection_is_kept_for_as_long_as_it_is_used_and_a_while(address, path):
    async with httpx.AsyncClient(base_url=f"http://{address[0]}:{address[1]}", headers={"Host": "sho.rt"}) as client:
        await create_link(client, code="abc")
    async with connected(address) as raw:
        began_at_s = time.monotonic()
        while time.monotonic() - began_at_s < 1.5:
            await raw.send(b"GET %b HTTP/1.1\r\nHost: sho.rt\r\n\r\n" % path)
            assert (await raw.reader.readuntil(b"\r\n\r\n")).startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 302 "))
            if path != b"/abc":
                await raw.reader.readuntil(b"}")
            await asyncio.sleep(0.05)
        used_at_s = time.monotonic()
        assert await raw.answer() == b""
        assert time.monotonic() - used_at_s > 0.8


def test_uvicorn_still_does_after_an_answer_what_the_protocol_does_in_its_place():
    assert HttpToolsProtocol.on_response_complete.__code__.co_names == (
        "server_state",
        "total_requests",
        "transport",
        "is_closing",
        "_unset_keepalive_if_required",
        "flow",
        "resume_reading",
        "pipeline",
        "pop",
        "_start_asgi_task",
        "loop",
        "call_later",
        "timeout_keep_alive",
        "timeout_keep_alive_handler",
        "timeout_keep_alive_task",
    )


async def test_many_requests_in_one_piece_are_no_large_head(address):
    """Also when the last of them comes in two."""
    many, last = HEAD + b"\r\n", HEAD + b"Connection: close\r\n\r\n"
    count = 2 * MAX_HEAD_BYTES // len(many)
    async with connected(address) as raw:
        await raw.send(many * count + last[:20])
        await raw.reader.readuntil(b"}")
        await raw.send(last[20:])
        said = await raw.answer()
        assert said.count(b" 200 OK\r\n") == count
        assert b" 431 " not in said


NO_HTTP = {
    "words": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a line break in a header": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\nY: b\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost: x\r\nX : a\r\n\r\n",
    "a wish for a tunnel": b"CONNECT sho.rt:443 HTTP/1.1\r\nHost: sho.rt:443\r\n\r\n",
    "not a length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
}


@pytest.mark.parametrize("sent", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_is_no_http_is_refused_and_what_follows_is_not_read(address, sent):
    """Also what two servers might read differently, and so as two requests."""
    async with connected(address) as raw:
        await raw.send(sent)
        raw.writer.write_eof()
        said = await raw.answer()
        assert_refused(said[said.rfind(b"HTTP/1.1 ") :], 400, "bad-request")
