"""The database, Redis, and how a process hears of what others have changed."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

import structlog
from redis.asyncio import Redis

from shortener.event_loop.tasks import end
from shortener.parts import Part, Parts
from shortener.settings import Settings
from shortener.stores.database import Database
from shortener.stores.fixed_settings import SettingIsFixed, fix_settings
from shortener.stores.invalidations import Invalidations, Listeners
from shortener.stores.redis import RedisGuard, create_redis

log = structlog.get_logger(__name__)

RETRY_PAUSE_S = 0.5

DATABASE = Part[Database]("database")
REDIS = Part[Redis]("redis")
GUARD = Part[RedisGuard]("redis guard")
LISTENERS = Part[Listeners]("listeners")


@contextlib.asynccontextmanager
async def open_database(parts: Parts) -> AsyncIterator[None]:
    parts[DATABASE] = database = Database(parts.settings)
    try:
        yield
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def open_fixed_settings(parts: Parts) -> AsyncIterator[None]:
    """Settings that the first start fixes have their values, or will as soon as the database answers.
    Raises SettingIsFixed."""
    waiting: asyncio.Task[None] | None = None
    try:
        await fix_settings(parts[DATABASE], parts.settings)
    except SettingIsFixed:
        raise
    except Exception:  # The service waits for its database, whatever is wrong with it; `/health/ready` says what.
        waiting = asyncio.create_task(_fix_settings_later(parts[DATABASE], parts.settings))
    try:
        yield
    finally:
        if waiting is not None:
            await end(waiting)


async def _fix_settings_later(database: Database, settings: Settings) -> None:
    """For a service that starts while its database is down or not migrated: compare as soon as it answers. If a setting
    is wrong, the process ends."""
    while True:
        await asyncio.sleep(RETRY_PAUSE_S)
        try:
            await fix_settings(database, settings)
        except SettingIsFixed as error:
            log.critical("setting_is_fixed", error=str(error))
            signal.raise_signal(signal.SIGTERM)
            return
        except Exception as error:  # The service waits for its database, whatever is wrong with it.
            log.debug("settings_not_compared", error=repr(error))
        else:
            return


@contextlib.asynccontextmanager
async def open_redis(parts: Parts) -> AsyncIterator[None]:
    parts[REDIS] = redis = create_redis(parts.settings.redis_url)
    parts[GUARD] = RedisGuard(parts.settings.redis_timeout_ms / 1000)
    parts[LISTENERS] = Listeners()
    try:
        yield
    finally:
        await redis.aclose()


@contextlib.asynccontextmanager
async def open_invalidations(parts: Parts) -> AsyncIterator[None]:
    """Behind every part that adds a listener."""
    following = asyncio.create_task(Invalidations(parts[REDIS], parts[LISTENERS]).run())
    try:
        yield
    finally:
        await end(following)
