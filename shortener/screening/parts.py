"""What a process knows of hosts: bans, the block list, and feeds to ask."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from shortener.event_loop.tasks import end
from shortener.parts import Part, Parts
from shortener.redirect.cache import EVICTED_CHANNEL
from shortener.redirect.parts import JUDGE
from shortener.screening.ban_list import BANS_CHANNEL, BanList
from shortener.stores.parts import DATABASE, LISTENERS

if TYPE_CHECKING:
    from shortener.screening.feeds import Feed

BAN_LIST = Part[BanList]("ban list")
FEEDS = Part[Mapping[str, "Feed"]]("feeds")


@contextlib.asynccontextmanager
async def open_ban_list(parts: Parts) -> AsyncIterator[None]:
    """It knows all bans before the first request, and follows them."""
    listeners = parts[LISTENERS]
    ban_list = BanList(parts[DATABASE], parts.settings.block_list, partial(listeners.tell, EVICTED_CHANNEL))
    await ban_list.start()
    listeners.add(BANS_CHANNEL, ban_list.mirror.on_report, ban_list.mirror)
    parts[BAN_LIST], parts[JUDGE] = ban_list, ban_list.judge
    following = asyncio.create_task(ban_list.run())
    try:
        yield
    finally:
        await end(following)


@contextlib.asynccontextmanager
async def open_feeds(parts: Parts) -> AsyncIterator[None]:
    # Six megabytes, which web processes do without.
    import httpx

    from shortener.screening.feeds import feeds_of

    async with httpx.AsyncClient() as client:
        parts[FEEDS] = feeds_of(parts.settings, client)
        yield
