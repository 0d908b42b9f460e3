"""Jobs of notifications."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shortener.live.publisher import publish_link
from shortener.notifications.kinds import NotificationKind
from shortener.notifications.news import NEWS_AT_ONCE, deliver, note_expiring
from shortener.parts import Parts
from shortener.stores.parts import DATABASE, REDIS

# What listeners of a link hear of as well. Of other changes the link itself tells.
ANNOUNCED = {NotificationKind.EXPIRED, NotificationKind.USED_UP}
_LOOKED_KEY = "notifications:looked_at"
# A link may get its expiry by a transaction that began before the last look.
_OVERLAP = timedelta(seconds=10)
_START = timedelta(hours=1)


async def note_expiring_links(ctx: dict[str, Any]) -> None:
    """Note links that have expired since the last look, or are about to."""
    parts: Parts = ctx["parts"]
    now = datetime.now(UTC)
    looked = await parts[REDIS].get(_LOOKED_KEY)
    since = datetime.fromtimestamp(float(looked), UTC) if looked else now - _START
    async with parts[DATABASE].driver_connection() as connection:
        await note_expiring(connection, since - _OVERLAP, now)
    await parts[REDIS].set(_LOOKED_KEY, repr(now.timestamp()))


async def deliver_news(ctx: dict[str, Any]) -> int:
    """Tell people the news of their links; returns how many there were."""
    parts: Parts = ctx["parts"]
    told = 0
    while True:
        async with parts[DATABASE].driver_connection() as connection:
            news = await deliver(connection)
        for each in news:
            if each.kind in ANNOUNCED:
                await publish_link(parts[REDIS], each.link_id, each.workspace_id, f"link.{each.kind}", each.data)
        told += len(news)
        if len(news) < NEWS_AT_ONCE:
            return told
