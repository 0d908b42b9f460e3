"""Ending tasks."""

import asyncio


async def end(task: asyncio.Task[None]) -> None:
    """Cancel until it has ended: while redis-py connects, a cancellation can get lost."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)
