"""What the command line works with: database and Redis, for as long as a command runs."""

import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.actors import ACTOR_KEY, COMMAND_LINE
from shortener.settings import Settings
from shortener.stores.database import Database
from shortener.stores.redis import create_redis


class Opened(NamedTuple):
    database: Database
    redis: Redis

    def session(self) -> AsyncSession:
        """For changes: the audit log knows them as the command line's."""
        return self.database.session(info={ACTOR_KEY: COMMAND_LINE})


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Opened]:
    """Raises SettingsError."""
    settings.require("database_url", "redis_url")
    database = Database(settings)
    redis = create_redis(settings.redis_url)
    try:
        yield Opened(database, redis)
    finally:
        await redis.aclose()
        await database.close()
