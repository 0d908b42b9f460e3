"""The hub of this process, and what lets listeners in."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from shortener.access.revocation import MEMBERS_CHANNEL, REVOKED_CHANNEL
from shortener.event_loop.tasks import end
from shortener.http.origins import Origins
from shortener.http.parts import STOPPING
from shortener.live.doors import Doors
from shortener.live.follower import Follower
from shortener.live.history import HISTORY_CHANNEL
from shortener.live.hub import Hub
from shortener.live.tickets import Tickets
from shortener.parts import Part, Parts
from shortener.redirect.cache import EVICTED_CHANNEL, MADE_CHANNEL
from shortener.screening.ban_list import BANS_CHANNEL
from shortener.screening.parts import BAN_LIST
from shortener.stores.parts import DATABASE, LISTENERS, REDIS

HUB = Part[Hub]("hub of listeners")
DOORS = Part[Doors]("doors for listeners")
ORIGINS = Part[Origins]("origins of WebSockets")
TICKETS = Part[Tickets]("tickets for WebSockets")


@contextlib.asynccontextmanager
async def open_live(parts: Parts) -> AsyncIterator[None]:
    settings, database, listeners = parts.settings, parts[DATABASE], parts[LISTENERS]
    parts[DOORS] = Doors(settings.live_connections, settings.live_connections_per_user)
    parts[ORIGINS] = Origins(settings)
    parts[TICKETS] = Tickets(parts[REDIS], settings.every_secret_key)
    hub = parts[HUB] = Hub(database, parts[REDIS], parts[BAN_LIST])
    follower = Follower(hub, database, parts[BAN_LIST])
    for channel, on_report in (
        (HISTORY_CHANNEL, follower.on_history),
        (MEMBERS_CHANNEL, follower.on_rights),
        (BANS_CHANNEL, follower.on_rights),
        (REVOKED_CHANNEL, follower.on_revoked),
        (EVICTED_CHANNEL, follower.on_links),
        (MADE_CHANNEL, follower.on_links),
    ):
        listeners.add(channel, on_report, follower)
    tasks = [asyncio.create_task(follower.run()), asyncio.create_task(_say_goodbye(parts, hub))]
    try:
        yield
    finally:
        hub.close_all("stopping")
        for task in tasks:
            await end(task)


async def _say_goodbye(parts: Parts, hub: Hub) -> None:
    """The server waits for its answers to end."""
    await parts[STOPPING].wait()
    hub.close_all("stopping")
