"""Numbers for new comments and notifications, so that listeners hear of them."""

import asyncio

import structlog

from shortener.live.history import HISTORY_CHANNEL, number_new
from shortener.parts import Parts
from shortener.stores.parts import DATABASE, REDIS

log = structlog.get_logger(__name__)

NUMBER_EVERY_S = 0.25
RETRY_S = 1.0


async def keep_numbering(parts: Parts) -> None:
    """Give numbers to new rows and report them, until cancelled."""
    while True:
        try:
            await number(parts)
        except Exception as error:  # Whatever is wrong with a store: it comes back.
            log.warning("history_not_numbered", error=repr(error))
            await asyncio.sleep(RETRY_S)
        await asyncio.sleep(NUMBER_EVERY_S)


async def number(parts: Parts) -> None:
    async with parts[DATABASE].driver_connection() as connection:
        is_new = await number_new(connection)
    if is_new:
        await parts[REDIS].publish(HISTORY_CHANNEL, "new")
