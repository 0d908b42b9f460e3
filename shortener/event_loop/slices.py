"""Long work on the event loop, done in slices: redirects of the same process are answered between them."""

import asyncio
import time
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

# Between two turns of the event loop, by all that is done in slices at the same time.
SLICE_S = 0.001

_gathering = 0


async def gathered(items: Iterable[T]) -> list[T]:
    """A list of the items, which take long to make together but not one by one."""
    global _gathering
    _gathering += 1
    try:
        return await _in_slices(items)
    finally:
        _gathering -= 1


async def _in_slices(items: Iterable[T]) -> list[T]:
    found: list[T] = []
    ends_at_s = time.perf_counter() + SLICE_S / _gathering
    for item in items:
        found.append(item)
        if time.perf_counter() >= ends_at_s:
            await asyncio.sleep(0)
            ends_at_s = time.perf_counter() + SLICE_S / _gathering
    return found
