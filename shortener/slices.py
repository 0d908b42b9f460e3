"""Long work on the event loop, done in slices: redirects of the same process are answered between them."""

import asyncio
import time
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

# Several requests may do long work at the same time: a redirect waits for a slice of each.
SLICE_S = 0.001


async def gathered(items: Iterable[T]) -> list[T]:
    """A list of the items, which take long to make together but not one by one."""
    found: list[T] = []
    ends_at_s = time.perf_counter() + SLICE_S
    for item in items:
        found.append(item)
        if time.perf_counter() >= ends_at_s:
            await asyncio.sleep(0)
            ends_at_s = time.perf_counter() + SLICE_S
    return found
