"""Long work on the event loop in slices, between which the process answers redirects."""

import asyncio
import time
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

# Time between two turns of the event loop for all sliced work together.
SLICE_S = 0.001

_gathering = 0


async def gathered(items: Iterable[T]) -> list[T]:
    """A list of the items, each of which is quick to compute, but not all together."""
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
