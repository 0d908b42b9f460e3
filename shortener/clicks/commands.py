"""What the command line does with batches that could not be counted."""

import contextlib
import time
from collections.abc import AsyncIterator

from rich.table import Table

from shortener.clicks.dead_letters import DeadLetters
from shortener.settings import Settings
from shortener.stores.redis import create_redis


async def dead_letters(settings: Settings, limit: int) -> Table:
    """The oldest batches that could not be counted, and why. Raises RedisError."""
    table = Table("id", "reason", "age", box=None, padding=(0, 2))
    async with _letters(settings) as letters:
        for letter in await letters.oldest(limit):
            table.add_row(letter.id, letter.reason, _age(time.time() - letter.buried_at_s))
    return table


async def replay(settings: Settings, limit: int | None) -> int:
    """Give batches that could not be counted to the workers again; returns their number. Raises RedisError."""
    async with _letters(settings) as letters:
        return await letters.replay(limit)


@contextlib.asynccontextmanager
async def _letters(settings: Settings) -> AsyncIterator[DeadLetters]:
    settings.require("redis_url")
    redis = create_redis(settings.redis_url)
    try:
        yield DeadLetters(redis)
    finally:
        await redis.aclose()


def _age(seconds: float) -> str:
    for unit, length_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds // length_s:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
