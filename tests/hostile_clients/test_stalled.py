"""Clients that send without end, or never read, hold up nobody."""

import asyncio
import contextlib
import time

import psutil

from shortener.http import protocol
from tests.e2e.product import free_port, running
from tests.hostile_clients.conftest import Raw, assert_alive, connected

SOCKETS, REQUESTS = 200, 20_000
# Memory that a web process may take for all of them together.
MAX_GROWTH = 200 * 2**20


async def flood(port: int, seconds: float) -> None:
    """Pipeline requests without reading an answer."""
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                for _ in range(REQUESTS // 100):
                    writer.write(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 100)
                    await writer.drain()
                await asyncio.sleep(seconds)
            finally:
                writer.transport.abort()


async def slowest(port: int, seconds: float) -> float:
    """The longest time in which /health/live answers on a connection of its own."""
    worst_s, until_s = 0.0, time.monotonic() + seconds
    while time.monotonic() < until_s:
        began_s = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert b" 200 OK" in await reader.read()
        writer.close()
        worst_s = max(worst_s, time.monotonic() - began_s)
        await asyncio.sleep(0.1)
    return worst_s


def test_two_hundred_sockets_of_twenty_thousand_requests_take_little_memory_and_hold_up_nobody(tmp_path):
    with running(tmp_path / "data", web_processes=1, port=free_port()) as product:
        [web] = product.named("shortener web")
        before = web.memory_info().rss

        async def attack() -> float:
            found = await asyncio.gather(slowest(product.port, 6), *(flood(product.port, 6) for _ in range(SOCKETS)))
            return float(found[0])

        worst_s = asyncio.run(attack())
        assert psutil.Process(web.pid).memory_info().rss - before < MAX_GROWTH
        # Without the bound: 40 to 60 seconds.
        assert worst_s < 5


async def test_a_client_that_never_reads_its_answer_is_dropped_after_a_time(address, monkeypatch):
    monkeypatch.setattr(protocol, "STALL_TIMEOUT_S", 0.5)
    async with connected(address) as raw:
        raw.writer.transport.pause_reading()
        for _ in range(400):
            raw.writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: sho.rt\r\n\r\n")
        async with asyncio.timeout(20):
            await asyncio.wait([asyncio.create_task(written_until_dropped(raw))])
    await assert_alive(address)


async def written_until_dropped(raw: Raw) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            raw.writer.write(b"GET /health/live HTTP/1.1\r\nHost: sho.rt\r\n\r\n")
            await raw.writer.drain()
            await asyncio.sleep(0.05)


async def test_a_client_that_reads_slowly_is_not_dropped(address, monkeypatch):
    monkeypatch.setattr(protocol, "STALL_TIMEOUT_S", 1.0)
    async with connected(address) as raw:
        await raw.send(b"GET /openapi.json HTTP/1.1\r\nHost: sho.rt\r\n\r\n" * 20)
        await raw.send(b"GET /health/live HTTP/1.1\r\nHost: sho.rt\r\nConnection: close\r\n\r\n")
        said = b""
        while chunk := await raw.reader.read(64 * 1024):
            said += chunk
            await asyncio.sleep(0.05)
        assert said.count(b" 200 OK\r\n") == 21
