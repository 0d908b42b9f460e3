"""Listeners of one web process: the memory that they take, and how soon a click reaches all listeners of a link."""

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.conftest import CHROME
from tests.load import page
from tests.load.peers import CODE
from tests.load.subject import Subject, running

MOST_MB = 250
MOST_S = 1.0
# Connections that begin at the same time.
AT_ONCE = 50
SETTLE_S = 2.0
WAIT_S = 10.0
CLICK_EVERY_S = 0.5


class Listeners:
    """Streams of events of one channel. `heard` has the totals of each listener, with the moments of their arrival."""

    def __init__(self, url: str, channel: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._address = parts.hostname, parts.port
        self._head = f"GET /api/v1/live?channel={channel} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self._tasks: list[asyncio.Task[None]] = []
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._is_ready = asyncio.Queue[None]()
        self.heard: list[list[tuple[int, float]]] = []

    async def open(self, count: int) -> None:
        """So many more, which are ready."""
        self._tasks += [asyncio.create_task(self._listen()) for _ in range(count)]
        for _ in range(count):
            await asyncio.wait_for(self._is_ready.get(), 60)

    async def _listen(self) -> None:
        async with self._turns:
            reader, writer = await asyncio.open_connection(*self._address)
            writer.write(self._head)
            await reader.readuntil(b'"ready"')
            self._is_ready.put_nowait(None)
        totals: list[tuple[int, float]] = []
        self.heard.append(totals)
        try:
            while line := await reader.readline():
                if b'"type":"click"' in line:
                    totals.append((json.loads(line.removeprefix(b"data: "))["data"]["total"], time.monotonic()))
        finally:
            writer.close()

    def has_all(self, total: int) -> bool:
        """Whether each listener has heard of this total."""
        return all(totals and totals[-1][0] >= total for totals in self.heard)

    def waits(self, answered: list[float]) -> list[float]:
        """Seconds from the answer of each click to the first message with it, of each listener."""
        return [
            next(at for total, at in totals if total >= n) - moment
            for totals in self.heard
            for n, moment in enumerate(answered, 1)
        ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()


async def memory(subject: Subject, channel: str, count: int) -> tuple[float, float]:
    """Resident memory in MB without listeners, and with them."""
    before = subject.rss_mb()
    listeners = Listeners(subject.product.url, channel)
    await listeners.open(count)
    await asyncio.sleep(SETTLE_S)
    after = subject.rss_mb()
    await listeners.close()
    return before, after


async def latencies(subject: Subject, channel: str, count: int, clicks: int) -> list[float]:
    """Seconds from the answer of a click to each listener, of all clicks and listeners."""
    listeners = Listeners(subject.product.url, channel)
    await listeners.open(count)
    answered: list[float] = []
    async with httpx.AsyncClient(headers={"User-Agent": CHROME}) as client:
        for _ in range(clicks):
            await client.get(f"{subject.product.url}/{CODE}")
            answered.append(time.monotonic())
            await asyncio.sleep(CLICK_EVERY_S)
    async with asyncio.timeout(WAIT_S):
        while not listeners.has_all(clicks):
            await asyncio.sleep(0.1)
    await listeners.close()
    return listeners.waits(answered)


def percentile(values: list[float], part: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * part // 100)]


async def measure(subject: Subject, connections: int, listeners: int, clicks: int) -> dict[str, float]:
    async with httpx.AsyncClient() as client:
        link = (await client.get(f"{subject.product.url}/api/v1/links/{CODE}")).raise_for_status().json()
    channel = f"link:{link['id']}"
    waits = await latencies(subject, channel, listeners, clicks)
    before, after = await memory(subject, channel, connections)
    return {"before": before, "after": after, "p50": percentile(waits, 50), "p95": percentile(waits, 95)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=5000, help="listeners whose memory is measured")
    parser.add_argument("--listeners", type=int, default=1000, help="listeners that each click has to reach")
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    needed = max(options.connections, options.listeners) + 500
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2 * needed, hard), hard))
    limits = {"live_connections": needed, "live_connections_per_user": min(needed, 10_000)}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), 1, **limits) as subject:
        found = asyncio.run(measure(subject, options.connections, options.listeners, options.clicks))
    more = found["after"] - found["before"]
    rows = [
        (f"memory of {options.connections:,} listeners", f"{more:.0f} MB"),
        (f"a click reaches half of {options.listeners:,} listeners", f"{1000 * found['p50']:.0f} ms"),
        (f"a click reaches 95 of 100 of {options.listeners:,} listeners", f"{1000 * found['p95']:.0f} ms"),
    ]
    text = page.table(("one web process", "measured"), rows)
    print(text)
    if options.write:
        page.write("live", text)
    if more > MOST_MB or found["p95"] > MOST_S:
        sys.exit(f"the bounds are {MOST_MB} MB and {MOST_S:g} s")


if __name__ == "__main__":
    main()
