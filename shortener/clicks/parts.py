"""The click stream, and the way around it."""

import contextlib
from collections.abc import AsyncIterator, Sequence

from shortener.clicks import agents
from shortener.clicks.event import Batch
from shortener.clicks.recorder import SINK, WRITE_DIRECTLY
from shortener.clicks.stream import ClickStream, Sealer
from shortener.clicks.writer import ClickWriter
from shortener.parts import Part, Parts
from shortener.places.parts import LOCATOR
from shortener.stores.parts import DATABASE, REDIS

CLICK_STREAM = Part[ClickStream]("click stream")


@contextlib.asynccontextmanager
async def open_click_stream(parts: Parts) -> AsyncIterator[None]:
    stream = ClickStream(parts[REDIS], Sealer(parts.settings.secret_key.get_secret_value()))
    parts[CLICK_STREAM] = parts[SINK] = stream
    try:
        yield
    finally:
        await stream.close()


@contextlib.asynccontextmanager
async def open_direct_writer(parts: Parts) -> AsyncIterator[None]:
    """The recorder calls it while Redis does not answer."""
    # Tables are built before the first request. Built while Redis is away, they would hold up all redirects.
    agents.prepare()
    database, writer = parts[DATABASE], ClickWriter(parts[LOCATOR].locate)

    async def write(batches: Sequence[Batch]) -> None:
        async with database.driver_connection() as connection:
            await writer.write(connection, batches)

    parts[WRITE_DIRECTLY] = write
    yield
