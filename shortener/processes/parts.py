"""What a process measures of itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from shortener.event_loop.tasks import end
from shortener.parts import Parts
from shortener.processes.pulse import Pulse
from shortener.stores.parts import DATABASE


@contextlib.asynccontextmanager
async def open_web_pulse(parts: Parts) -> AsyncIterator[None]:
    beating = asyncio.create_task(Pulse("web", parts[DATABASE]).run())
    try:
        yield
    finally:
        await end(beating)
