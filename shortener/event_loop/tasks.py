"""Ends tasks, and calls callbacks safely."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec

import structlog

log = structlog.get_logger(__name__)

P = ParamSpec("P")


async def end(task: asyncio.Task[None]) -> None:
    """Cancel the task until it has ended: while redis-py connects, a cancellation can get lost."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)


def call_safely(callback: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call one of several callbacks: its error is logged, and must not stop the others."""
    try:
        callback(*args, **kwargs)
    except Exception as error:
        log.error("callback_failed", callback=repr(callback), exc_info=error)
