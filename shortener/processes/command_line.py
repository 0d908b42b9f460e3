"""Parts and sessions of commands."""

import contextlib
from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.actors import ACTOR_KEY, COMMAND_LINE
from shortener.parts import Opener, Parts, opened
from shortener.settings import Settings
from shortener.stores.fixed_settings import fix_settings
from shortener.stores.parts import DATABASE, open_database, open_redis


@contextlib.asynccontextmanager
async def command_parts(settings: Settings, *openers: Opener) -> AsyncIterator[Parts]:
    """The database, Redis, and the parts that `openers` add. Raises SettingsError."""
    async with servers(settings) as parts:
        await fix_settings(parts[DATABASE], settings)
        async with opened(parts, openers):
            yield parts


@contextlib.asynccontextmanager
async def servers(settings: Settings) -> AsyncIterator[Parts]:
    """The database, which may be empty, and Redis. Raises SettingsError."""
    settings.require("database_url", "redis_url")
    async with opened(Parts(settings), (open_database, open_redis)) as parts:
        yield parts


def command_session(parts: Parts) -> AsyncSession:
    """A session for changes, which the audit log attributes to the command line."""
    return parts[DATABASE].session(info={ACTOR_KEY: COMMAND_LINE})
