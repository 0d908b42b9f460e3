"""How long an event loop goes without a turn, in processor time of its thread: a machine that is busy with other things
adds nothing to it."""

import asyncio
import time

TICK_S = 0.001


class LoopWatch:
    """Watches the loop of the thread that starts it. Several callbacks that run between two turns count together, as a
    redirect waits for all of them."""

    def __init__(self) -> None:
        self._longest_s = 0.0

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._since_s = time.thread_time()
        self._tick()

    def _tick(self) -> None:
        now_s = time.thread_time()
        self._longest_s = max(self._longest_s, now_s - self._since_s)
        self._since_s = now_s
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def stop(self) -> None:
        self._timer.cancel()

    def take_ms(self) -> float:
        """The longest since it was last asked; by any thread."""
        found, self._longest_s = self._longest_s, 0.0
        return 1000 * found
