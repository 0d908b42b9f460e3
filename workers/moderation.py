"""Jobs of moderation."""

from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from shortener.moderation.bans import complete_user_bans
from shortener.redirect.cache import evict
from shortener.stores.database import Database

BANS_COMPLETED_WITHIN = timedelta(hours=1)


async def complete_bans(ctx: dict[str, Any]) -> None:
    """Go on where a process that banned a user's links, or unbanned them, has died."""
    database: Database = ctx["database"]
    redis: Redis = ctx["redis"]

    async def evict_all(*codes: str) -> None:
        await evict(redis, codes)

    async with database.session() as session:
        await complete_user_bans(session, evict_all, datetime.now(UTC) - BANS_COMPLETED_WITHIN)
