"""Counts misses in a web process. A scanner's flood takes bounded memory and about a microsecond per request."""

import asyncio
import heapq
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from shortener.clicks.event import Click
from shortener.misses.batch import DAY_MS, MAX_PATH, Kind, MissBatch, Single, new_batch
from shortener.misses.frequent import Frequent
from shortener.misses.metrics import MISSES_LOST
from shortener.redirect.request import RedirectRequest

FLUSH_INTERVAL_S = 5.0

# Whether the batch is stored. If it is not, or nobody knows, it is sent again later.
Send = Callable[[MissBatch], Awaitable[bool]]


class _Sample:
    """Which misses of a day can be among the `size` with the lowest draws. The more there were, the fewer are taken:
    of N about size * ln(N / size)."""

    def __init__(self, day: int, size: int) -> None:
        self.day = day
        self._size = size
        self._lowest: list[float] = []

    def takes(self, draw: float) -> bool:
        if len(self._lowest) < self._size:
            heapq.heappush(self._lowest, -draw)
            return True
        if draw >= -self._lowest[0]:
            return False
        heapq.heapreplace(self._lowest, -draw)
        return True


class _Window:
    """Misses of one day that are in no batch yet."""

    def __init__(self, max_paths: int) -> None:
        self.totals: Counter[str] = Counter()
        self.frequent = Frequent(max_paths)
        self.singles: list[Single] = []

    def batch(self, day: int) -> MissBatch:
        self.frequent.cut()
        return new_batch(day, dict(self.totals), self.frequent, self.singles)


class MissCounter:
    """Counts, and sends batches. While they cannot be sent, it goes on counting in the same space."""

    def __init__(self, send: Send, max_paths: int, max_singles: int) -> None:
        self._send = send
        self._max_paths = max_paths
        self._max_singles = max_singles
        self._windows: dict[int, _Window] = {}
        self._sample = _Sample(0, max_singles)
        # Kept until it is stored: it may have arrived, and its id prevents counting it twice.
        self._unsent: MissBatch | None = None
        self._sending = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None

    def add(self, kind: Kind, path: str, request: RedirectRequest) -> None:
        at_ms = int(time.time() * 1000)
        day = at_ms // DAY_MS
        window = self._windows.get(day)
        if window is None:
            window = self._windows[day] = _Window(self._max_paths)
        if self._sample.day != day:
            self._sample = _Sample(day, self._max_singles)
        path = path[:MAX_PATH]
        window.totals[kind] += 1
        window.frequent.add((kind, path), at_ms)
        draw = random.random()  # noqa: S311  (nothing secret)
        if self._sample.takes(draw):
            click = Click(0, at_ms, request.address, request.user_agent, request.referrer, request.mark)
            window.singles.append(Single(draw, kind, path, click))
        if self._timer is None:
            self._flush_later()

    def _flush_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(FLUSH_INTERVAL_S, self._begin_flush)

    def _begin_flush(self) -> None:
        self._flushing = asyncio.create_task(self._flush_and_continue())

    async def _flush_and_continue(self) -> None:
        try:
            await self.flush()
        finally:
            self._timer = None
            if self._unsent is not None or self._windows:
                self._flush_later()

    async def flush(self) -> bool:
        """Send what was counted; whether all of it is stored. Two calls follow each other."""
        async with self._sending:
            while self._unsent is not None or self._windows:
                if self._unsent is None:
                    day = min(self._windows)
                    self._unsent = self._windows.pop(day).batch(day)
                if not await self._send(self._unsent):
                    return False
                self._unsent = None
            return True

    async def close(self) -> None:
        """Send the rest. Misses that cannot be sent are lost, and the metric counts them."""
        if self._timer is not None:
            self._timer.cancel()
        if self._flushing is not None:
            await self._flushing
            if self._timer is not None:
                self._timer.cancel()
        if not await self.flush():
            left = [window.totals for window in self._windows.values()]
            left += [Counter(self._unsent.totals)] if self._unsent is not None else []
            MISSES_LOST.labels("shutdown").inc(sum(total.total() for total in left))
