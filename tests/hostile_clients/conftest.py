"""A server, and connections on which a test says what it likes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
import uvicorn

from shortener.http.protocol import BoundedProtocol
from shortener.main import create_app
from shortener.redirect.protocol import RedirectProtocol
from tests.conftest import eventually

HEAD = b"GET /health/live HTTP/1.1\r\nHost: sho.rt\r\n"


@pytest.fixture
def keep_alive_s() -> int:
    return 5


@pytest.fixture(params=[RedirectProtocol, BoundedProtocol], ids=["redirects", "with an access log"])
async def address(request, settings, keep_alive_s) -> AsyncIterator[tuple[str, int]]:
    config = uvicorn.Config(
        create_app(settings),
        http=request.param,
        port=0,
        log_config=None,
        proxy_headers=False,
        timeout_keep_alive=keep_alive_s,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started, within_s=20)
    yield server.servers[0].sockets[0].getsockname()
    server.should_exit = True
    await serving


class Raw:
    """A connection on which a test says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def answer(self) -> bytes:
        """All that comes until the other side closes."""
        said = b""
        with contextlib.suppress(ConnectionError):
            while chunk := await asyncio.wait_for(self.reader.read(65536), 20):
                said += chunk
        return said


@contextlib.asynccontextmanager
async def connected(address: tuple[str, int]) -> AsyncIterator[Raw]:
    raw = Raw(*await asyncio.open_connection(*address))
    try:
        yield raw
    finally:
        raw.writer.close()


def assert_refused(said: bytes, status: int, type_: str) -> None:
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), said[:200]
    headers = dict(line.lower().split(b": ", 1) for line in head.splitlines()[1:])
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"connection"] == b"close"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"content-security-policy"].startswith(b"default-src 'none'")
    document = json.loads(body)
    assert (document["status"], document["type"]) == (status, f"urn:shortener:problem:{type_}")


async def assert_alive(address: tuple[str, int]) -> None:
    async with connected(address) as raw:
        await raw.send(HEAD + b"Connection: close\r\n\r\n")
        assert b" 200 OK\r\n" in await raw.answer()
