"""Commands for batches that could not be counted."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from shortener.clicks.dead_letters import DeadLetters
from shortener.parts import Parts, opened
from shortener.settings import Settings
from shortener.stores.parts import REDIS, open_redis


async def dead_letters(settings: Settings, limit: int) -> dict[str, Any]:
    """The oldest batches that could not be counted, with the reasons. Raises RedisError."""
    async with _letters(settings) as letters:
        found = await letters.oldest(limit)
    return {"items": [each._asdict() | {"buried_at": each.buried_at.isoformat()} for each in found]}


async def replay(settings: Settings, limit: int | None) -> int:
    """Give batches that could not be counted to the workers again; returns their number. Raises RedisError."""
    async with _letters(settings) as letters:
        return await letters.replay(limit)


@contextlib.asynccontextmanager
async def _letters(settings: Settings) -> AsyncIterator[DeadLetters]:
    settings.require("redis_url")
    async with opened(Parts(settings), [open_redis]) as parts:
        yield DeadLetters(parts[REDIS])
