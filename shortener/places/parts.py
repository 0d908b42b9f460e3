"""Where clients are."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from shortener.event_loop.tasks import end
from shortener.parts import Part, Parts
from shortener.places.locator import Locator

LOCATOR = Part[Locator]("locator")


@contextlib.asynccontextmanager
async def open_locator(parts: Parts) -> AsyncIterator[None]:
    """Reads the geo database before the first click, and follows its file."""
    parts[LOCATOR] = locator = Locator(parts.settings.geo_database)
    await locator.refresh()
    following = asyncio.create_task(locator.run())
    try:
        yield
    finally:
        await end(following)
