"""Heads that RFC 9112 says to refuse are refused, and those that it allows are read."""

import pytest

from tests.hostile_clients.conftest import assert_refused, connected

GET = b"GET /health/live HTTP/1.1\r\n"

REFUSED = {
    "no host": (GET + b"Accept: */*\r\n\r\n", 400),
    "no header": (GET + b"\r\n", 400),
    "two hosts": (GET + b"Host: a.example\r\nHost: b.example\r\n\r\n", 400),
    "the same host twice": (GET + b"Host: a.example\r\nhost: a.example\r\n\r\n", 400),
    "two hosts in one": (GET + b"Host: a.example, b.example\r\n\r\n", 400),
    "a host with a blank": (GET + b"Host: a b\r\n\r\n", 400),
    "a host with a user": (GET + b"Host: user@a.example\r\n\r\n", 400),
    "a host with a path": (GET + b"Host: a.example/x\r\n\r\n", 400),
    "a host with a word for its port": (GET + b"Host: a.example:http\r\n\r\n", 400),
    "two hosts in HTTP/1.0": (b"GET /health/live HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "an absolute target without a host": (b"GET http:///health/live HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "an absolute target with a user": (b"GET http://u@a/health/live HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a target that is not a path": (b"GET health HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "chunks in HTTP/1.0": (b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "another coding": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
}
ALLOWED = {
    "a host": GET + b"Host: a.example\r\n",
    "a host with a port": GET + b"Host: a.example:8000\r\n",
    "an IPv6 address": GET + b"Host: [::1]:8000\r\n",
    "an empty host": GET + b"Host:\r\n",
    "no host in HTTP/1.0": b"GET /health/live HTTP/1.0\r\n",
    "an absolute target": b"GET http://a.example/health/live HTTP/1.1\r\nHost: b.example\r\n",
}
_TYPES = {400: "bad-request", 501: "transfer-coding-not-supported"}


@pytest.mark.parametrize(("sent", "status"), REFUSED.values(), ids=REFUSED)
async def test_a_head_that_servers_may_read_in_two_ways_is_refused(address, sent, status):
    async with connected(address) as raw:
        await raw.send(sent)
        assert_refused(await raw.answer(), status, _TYPES[status])


@pytest.mark.parametrize("sent", ALLOWED.values(), ids=ALLOWED)
async def test_a_head_that_is_allowed_is_read(address, sent):
    async with connected(address) as raw:
        await raw.send(sent + b"Connection: close\r\n\r\n")
        assert b" 200 OK\r\n" in await raw.answer()
