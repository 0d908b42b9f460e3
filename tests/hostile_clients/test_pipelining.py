"""Requests that are sent without waiting for answers are answered one after the other, and wait as bounded data."""

import asyncio
import json
import re

import pytest

from tests.hostile_clients.conftest import HEAD, connected

GET = HEAD + b"\r\n"
LAST = HEAD + b"Connection: close\r\n\r\n"


def post(body: bytes, *, chunked: bool) -> bytes:
    head = b"POST /api/v1/links HTTP/1.1\r\nHost: sho.rt\r\nContent-Type: application/json\r\n"
    if not chunked:
        return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    half = len(body) // 2
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:]))
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nX-Trailer: a\r\n\r\n"


def a_link(code: str) -> bytes:
    return json.dumps({"url": "https://example.com/", "code": code}).encode()


CONVERSATION = (
    GET
    + post(a_link("counted"), chunked=False)
    + b"\r\n"
    + post(a_link("chunked"), chunked=True)
    + b"GET /counted HTTP/1.1\r\nHost: sho.rt\r\n\r\n"
    # Answered before its body is there.
    + post(b"\r\n\r\n" * 20_000, chunked=True)
    + b"GET /chunked HTTP/1.1\r\nHost: sho.rt\r\n\r\n"
    + b"GET /counted+ HTTP/1.1\r\nHost: sho.rt\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    + LAST
)
STATUSES = [b"200", b"201", b"201", b"302", b"413", b"302", b"200", b"200"]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 70, 1000, len(CONVERSATION)])
async def test_requests_with_and_without_bodies_are_answered_in_order_however_they_are_cut(address, size):
    async with connected(address) as raw:
        for start in range(0, len(CONVERSATION), size):
            raw.writer.write(CONVERSATION[start : start + size])
            if size < 1000 and start < 2000:
                # As a piece of its own.
                await asyncio.sleep(0)
        said = await raw.answer()
    assert re.findall(rb"HTTP/1\.1 (\d{3}) ", said) == STATUSES
