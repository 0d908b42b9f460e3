"""Ending tasks, and calling back those who wait."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec

import structlog

log = structlog.get_logger(__name__)

P = ParamSpec("P")


async def end(task: asyncio.Task[None]) -> None:
    """Cancel until it has ended: while redis-py connects, a cancellation can get lost."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)


def call_safely(callback: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call one of several that wait: its error is logged, and must not keep the others waiting."""
    try:
        callback(*args, **kwargs)
    except Exception as error:
        log.error("callback_failed", callback=repr(callback), exc_info=error)
