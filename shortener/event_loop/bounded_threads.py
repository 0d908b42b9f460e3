"""Work that takes long, beside the event loop: in a few threads, for a bounded number of callers."""

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

LOWEST_PRIORITY = 19


def _let_others_go_first() -> None:
    """Lower the priority of this thread, and of those that are started in it: on a busy core redirects go first. Only
    Linux has priorities per thread; elsewhere the system decides."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)


async def _nothing() -> None:
    return


class BoundedThreads(ThreadPoolExecutor):
    """Threads of the lowest priority. While `max_waiting` callers wait or are served, the next one gets the error that
    `too_many` makes."""

    def __init__(self, name: str, size: int, max_waiting: int, too_many: Callable[[], Exception]) -> None:
        super().__init__(size, name, initializer=_let_others_go_first)
        self._slots = asyncio.Semaphore(size)
        self._max_waiting = max_waiting
        self._too_many = too_many
        self._waiting = 0

    async def run(self, work: Callable[[], T], before: Callable[[], Awaitable[None]] = _nothing) -> T:
        """What `work` returns. `before` is called on the event loop when it is the caller's turn, and may raise."""
        if self._waiting >= self._max_waiting:
            raise self._too_many()
        self._waiting += 1
        try:
            async with self._slots:
                await before()
                return await asyncio.get_running_loop().run_in_executor(self, work)
        finally:
            self._waiting -= 1
