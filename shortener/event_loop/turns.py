"""Requests that take turns on the event loop, so that a redirect waits for few of their steps.

A step is what a coroutine does between two `await`s. The loop runs all steps that are ready before it looks at its
sockets again: while many requests of the API are answered, a redirect would wait for a step of each of them. And a
redirect needs several turns of the loop, for its click to be stored.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# A step begins only where other steps have used less of the turn.
TURN_S = 0.001


class Turns:
    """The time that requests have used of the loop's current turn. `is_urgent` says whether other work is under way:
    it gets as much time as the last turn's steps have used, before the next step begins."""

    def __init__(self, is_urgent: Callable[[], bool] = lambda: False) -> None:
        self._is_urgent = is_urgent
        self._used_s = 0.0
        self._others_until_s = 0.0

    def may_begin(self) -> bool:
        if self._used_s >= TURN_S:
            return False
        return time.perf_counter() >= self._others_until_s or not self._is_urgent()

    def used(self, seconds: float) -> None:
        if not self._used_s:
            asyncio.get_running_loop().call_soon(self._begin)
        self._used_s += seconds
        self._others_until_s = time.perf_counter() + self._used_s

    def _begin(self) -> None:
        self._used_s = 0.0

    @coroutine
    def run(self, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
        """What `work` returns. It is awaited as usual, but its steps wait for a turn."""
        step: Callable[[Any], Any] = work.send
        argument: Any = None
        while True:
            while not self.may_begin():
                try:
                    # Without a future to wait for, the task goes on in the next turn.
                    yield
                except BaseException as error:
                    step, argument = work.throw, error
                    break
            began_at_s = time.perf_counter()
            try:
                awaited = step(argument)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                self.used(time.perf_counter() - began_at_s)
            step = work.send
            try:
                argument = yield awaited
            except BaseException as error:
                step, argument = work.throw, error
