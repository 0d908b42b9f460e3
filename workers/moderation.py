"""Jobs of moderation."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shortener.moderation.bans import complete_user_bans
from shortener.parts import Parts
from shortener.redirect.cache import evict
from shortener.stores.parts import DATABASE, REDIS

BANS_COMPLETED_WITHIN = timedelta(hours=1)


async def complete_bans(ctx: dict[str, Any]) -> None:
    """Finish banning or unbanning a user's links where a process died."""
    parts: Parts = ctx["parts"]
    database = parts[DATABASE]
    redis = parts[REDIS]

    async def evict_all(*codes: str) -> None:
        await evict(redis, codes)

    async with database.session() as session:
        await complete_user_bans(session, evict_all, datetime.now(UTC) - BANS_COMPLETED_WITHIN)
