"""A client that follows links over several connections, and writes down each request and what became of it."""

import asyncio
import itertools
import random
import time
from collections.abc import Sequence
from typing import NamedTuple, Self

CONNECTIONS = 16
ANSWER_WITHIN_S = 30.0
REFERRER = "https://chaos.example/"
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1",
    "curl/8.5.0",
)

_numbers = itertools.count(1)


class Answered(NamedTuple):
    """A redirect that was read to its end."""

    code: str
    sent_s: float
    took_s: float

    @property
    def at_s(self) -> float:
        """When it was read to its end."""
        return self.sent_s + self.took_s


class Load:
    """Each request has a unique number in its referrer, so that each click can be identified."""

    def __init__(self, port: int, codes: Sequence[str], rate: float) -> None:
        self.answered: dict[int, Answered] = {}
        # Sent but not completely answered: the click may be stored or not.
        self.cut: set[int] = set()
        # Answered otherwise than by a redirect: must not be stored.
        self.refused: dict[int, int] = {}
        self._port = port
        self._codes = codes
        self.rate = rate
        self._is_stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def requests(self) -> int:
        return len(self.answered) + self.failed

    @property
    def failed(self) -> int:
        return len(self.cut) + len(self.refused)

    @staticmethod
    def next_number() -> int:
        return next(_numbers)

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._follow()) for _ in range(CONNECTIONS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Requests that are on their way are answered first."""
        self._is_stopping = True
        await asyncio.gather(*self._tasks)

    async def _follow(self) -> None:
        while not self._is_stopping:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            try:
                await self._requests(reader, writer)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                await asyncio.sleep(0.01)
            finally:
                writer.close()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A connection that the server closes while idle is not a failure.
        while not self._is_stopping and not reader.at_eof():
            began_s = time.monotonic()
            await self._request(reader, writer)
            pause_s = began_s + CONNECTIONS / self.rate * random.uniform(0.5, 1.5) - time.monotonic()
            await asyncio.sleep(max(pause_s, 0))

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, code = self.next_number(), random.choice(self._codes)
        sent_s = time.monotonic()
        writer.write(
            f"GET /{code} HTTP/1.1\r\nHost: sho.rt\r\nUser-Agent: {random.choice(AGENTS)}\r\n"
            f"Referer: {REFERRER}{number}\r\nX-Forwarded-For: 93.184.{random.randrange(8)}.{random.randrange(8)}"
            "\r\n\r\n".encode()
        )
        self.cut.add(number)
        async with asyncio.timeout(ANSWER_WITHIN_S):
            status = await _read_answer(reader)
        self.cut.discard(number)
        if status == 302:
            self.answered[number] = Answered(code, sent_s, time.monotonic() - sent_s)
        else:
            self.refused[number] = status


async def _read_answer(reader: asyncio.StreamReader) -> int:
    """The status of an answer that is read to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, found, length = head.partition(b"content-length: ")
    if found:
        await reader.readexactly(int(length.split(b"\r\n")[0]))
    return int(head.split(b" ", 2)[1])
