"""An HTTP load client on bare asyncio: as many requests as are answered, or a fixed number per second.

`python -m tests.load.client URL --seconds 4` prints the results as JSON. It is a separate program, so that it can be
kept on one core.
"""

import argparse
import asyncio
import contextlib
import gc
import itertools
import json
import random
import re
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import uvloop

TICK_S = 0.001
REOPEN_AFTER_S = 0.05
# Requests that are in transit at the end may take this long.
LAST_ANSWER_WITHIN_S = 10.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Latencies:
    """Counted in steps of 50 us up to 10 s, so that the memory does not grow with the run."""

    STEPS_PER_S = 20_000

    def __init__(self) -> None:
        self._counts = [0] * (10 * self.STEPS_PER_S + 1)
        self._all = 0

    def add(self, seconds: float) -> None:
        self._counts[min(int(seconds * self.STEPS_PER_S), len(self._counts) - 1)] += 1
        self._all += 1

    def percentile_ms(self, percent: float) -> float:
        """The upper end of the step that it falls into; 0 when there is none."""
        wanted, seen = self._all * percent / 100, 0
        for step, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return (step + 1) * 1000 / self.STEPS_PER_S
        return 0.0


def read_answer(data: bytes) -> tuple[int, int] | None:
    """Status and length in bytes of the answer that `data` begins with; None while its head is not whole.

    Raises ValueError for an answer that does not say how long it is.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = _LENGTH.search(data, 0, end)
    if length is None:
        raise ValueError(f"no Content-Length: {data[:end]!r}")
    return int(data[9:12]), end + 4 + int(length[1])


@dataclass
class Load:
    """The requests to send, and their results.

    With a `rate` in requests a second a request's time begins when it was due, so that waiting for a free connection
    is part of it; otherwise each connection asks again as soon as it is answered. `count` ends it before `seconds`.
    """

    requests: Iterator[bytes]
    seconds: float
    count: int | None = None
    rate: float | None = None
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: Latencies = field(default_factory=Latencies)
    broken: int = 0
    sent: int = 0
    answered: int = 0
    last_answer_at_s: float = 0.0
    is_over: bool = False
    _idle: deque["Connection"] = field(default_factory=deque)
    _due_s: deque[float] = field(default_factory=deque)

    def take(self, connection: "Connection") -> None:
        """A connection is free."""
        if self.rate is not None:
            if self._due_s:
                connection.send(self._due_s.popleft())
            else:
                self._idle.append(connection)
        elif not self.is_over and (self.count is None or self.sent < self.count):
            connection.send(time.perf_counter())

    def note(self, status: int, since_s: float) -> None:
        now_s = time.perf_counter()
        self.statuses[status] += 1
        self.answered += 1
        self.latencies.add(now_s - since_s)
        self.last_answer_at_s = now_s

    def lose(self, connection: "Connection") -> None:
        with contextlib.suppress(ValueError):
            self._idle.remove(connection)

    @property
    def is_answered(self) -> bool:
        return self.answered + self.broken >= self.sent

    async def run(self, host: str, port: int, connections: int, tell: Any = None) -> dict[str, Any]:
        """`tell` is called each second with what was answered so far, and what is due and waits."""
        loop = asyncio.get_running_loop()
        start_s, start_at = time.perf_counter(), time.time()
        opened = [
            await loop.create_connection(lambda: Connection(self, host, port), host, port) for _ in range(connections)
        ]
        told_s, due = 0.0, 0
        while (elapsed_s := time.perf_counter() - start_s) < self.seconds:
            if self.count is not None and self.answered + self.broken >= self.count:
                break
            if self.rate is not None:
                until = int(elapsed_s * self.rate)
                self._ask(start_s, due, until)
                due = until
            if tell is not None and elapsed_s - told_s >= 1:
                told_s = elapsed_s
                tell({"elapsed_s": elapsed_s, "answered": self.answered, "waiting": len(self._due_s)})
            await asyncio.sleep(TICK_S if self.rate is not None else 0.02)
        self.is_over = True
        # Requests that were due but never sent count as not answered.
        unsent = len(self._due_s)
        self._due_s.clear()
        deadline_s = time.perf_counter() + LAST_ANSWER_WITHIN_S
        while not self.is_answered and time.perf_counter() < deadline_s:
            await asyncio.sleep(TICK_S)
        for transport, _ in opened:
            transport.close()
        return {
            "rate": self.answered / (self.last_answer_at_s - start_s) if self.answered else 0.0,
            "p50_ms": self.latencies.percentile_ms(50),
            "p99_ms": self.latencies.percentile_ms(99),
            "statuses": {str(status): n for status, n in self.statuses.items()},
            "unanswered": self.sent - self.answered + unsent,
            "last_answer_at": start_at + self.last_answer_at_s - start_s,
        }

    def _ask(self, start_s: float, since: int, until: int) -> None:
        assert self.rate is not None
        for n in range(since, until):
            due_s = start_s + n / self.rate
            if self._idle:
                self._idle.popleft().send(due_s)
            else:
                self._due_s.append(due_s)


class Connection(asyncio.Protocol):
    """One request at a time; opened again when the server closes it."""

    def __init__(self, load: Load, host: str, port: int) -> None:
        self._load = load
        self._address = host, port
        self._transport: Any = None
        self._since_s: float | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._load.take(self)

    def send(self, since_s: float) -> None:
        self._since_s = since_s
        self._load.sent += 1
        self._transport.write(next(self._load.requests))

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        answer = read_answer(data)
        if answer is None or len(data) < answer[1]:
            self._rest = data
            return
        assert self._since_s is not None
        self._rest = data[answer[1] :]
        self._load.note(answer[0], self._since_s)
        self._since_s = None
        self._load.take(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._load.lose(self)
        if self._since_s is not None:
            self._load.broken += 1
        if not self._load.is_over:
            self._opening = asyncio.get_running_loop().create_task(self._open_again())

    async def _open_again(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._load.is_over:
            try:
                await loop.create_connection(lambda: Connection(self._load, *self._address), *self._address)
            except OSError:
                await asyncio.sleep(REOPEN_AFTER_S)
            else:
                break


def prepare(host: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode()


def requests(host: str, path: str, links: int, prefix: str, in_turn: bool, *headers: str) -> Iterator[bytes]:
    """For the path, again and again; or with `links` for one of so many codes, by chance or one after the other."""
    if not links:
        return itertools.repeat(prepare(host, path, *headers))
    before, after = prepare(host, f"/{prefix}?", *headers).split(b"?", 1)
    if in_turn:
        return (b"%b%07x%b" % (before, n % links, after) for n in itertools.count())
    return (b"%b%07x%b" % (before, int(random.random() * links), after) for _ in itertools.count())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=10, help="at most")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--count", type=int, help="number of requests")
    parser.add_argument("--rate", type=float, help="requests per second, whatever is answered")
    parser.add_argument("--links", type=int, default=0, help="request one of this many codes instead of the path")
    parser.add_argument("--prefix", default="x", help="what these codes begin with")
    parser.add_argument("--in-turn", action="store_true", help="one code after the other")
    parser.add_argument("--header", action="append", default=[], help="one more header, as Name: value")
    options = parser.parse_args()
    gc.freeze()
    gc.disable()
    url = urlsplit(options.url)
    asked = requests(url.netloc, url.path or "/", options.links, options.prefix, options.in_turn, *options.header)
    load = Load(asked, options.seconds, options.count, options.rate)
    print(json.dumps(uvloop.run(load.run(str(url.hostname), url.port or 80, options.connections))))


if __name__ == "__main__":
    main()
