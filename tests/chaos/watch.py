"""Memory and files of the web processes during a fault."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import NamedTuple, Self

import psutil

from tests.chaos.site import Part

INTERVAL_S = 0.1


class Taken(NamedTuple):
    """Of all web processes together: resident memory, and open files: connections, for the most part."""

    memory_mb: float
    files: int

    def __sub__(self, other: "Taken") -> "Taken":
        return Taken(self.memory_mb - other.memory_mb, self.files - other.files)


class Watch:
    """`begin`, and in the end `grown` is the most that there was more of than then."""

    def __init__(self, webs: Iterable[Part]) -> None:
        self._webs = webs
        self._first: Taken | None = None
        self._most = Taken(0.0, 0)
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._first = self._most = self._look()

    @property
    def grown(self) -> Taken:
        assert self._first is not None
        return self._most - self._first

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            # A process that was killed is not there for a moment.
            with contextlib.suppress(psutil.NoSuchProcess):
                if self._first is not None:
                    self._most = Taken(*map(max, self._most, self._look()))

    def _look(self) -> Taken:
        processes = [process for web in self._webs for process in web.family()]
        return Taken(
            sum(process.memory_info().rss for process in processes) / 2**20,
            sum(process.num_fds() for process in processes),
        )
