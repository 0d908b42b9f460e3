"""Brings news to a hub: follows reports, looks again at intervals, and polls while Redis does not report."""

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta

import structlog

from shortener.live.changes import Change, Changes
from shortener.live.channels import of_link, of_workspace
from shortener.live.history import number_new
from shortener.live.hub import Hub
from shortener.screening.ban_list import BanList
from shortener.stores.database import Database
from shortener.stores.invalidations import INFORMED_LIFETIME_S, UNINFORMED_LIFETIME_S

log = structlog.get_logger(__name__)

# Reports that come together are looked up together.
GATHER_S = 0.05
# Everything is looked up at these intervals, while Redis reports and while it does not.
INFORMED_LOOK_S, UNINFORMED_LOOK_S = 15.0, 0.45
# Redis does not report for this long before listeners hear of it. Each new connection takes a moment.
DEGRADED_AFTER_S = 1.0
POLL_S = 2.0
TICK_S = 0.1
RETRY_S = 0.5
# More changed links of one workspace at once are announced by their number.
MANY_LINKS = 50
_CODES_AT_ONCE = 1000
# A change may be committed after a poll that began later.
_OVERLAP = timedelta(seconds=5)


class Follower:
    """`lifetime_s` is set as for caches: it is short while Redis does not report."""

    def __init__(self, hub: Hub, database: Database, ban_list: BanList) -> None:
        self._hub = hub
        self._database = database
        self._ban_list = ban_list
        self._changes = Changes()
        self._codes: set[str] = set()
        self._history, self._rights, self._links = (asyncio.Event() for _ in range(3))
        self._informed_at_s = self._looked_at_s = time.monotonic()
        self._polled_at = datetime.now(UTC)
        self._has_missed = False
        hub.subscriber.on_loss(self.on_loss)
        self.lifetime_s = UNINFORMED_LIFETIME_S

    def on_history(self, _: Collection[str] | None) -> None:
        self._history.set()

    def on_rights(self, _: Collection[str] | None) -> None:
        self._rights.set()

    def on_links(self, codes: Collection[str] | None) -> None:
        if codes is None:
            self.on_loss()
        elif not self._hub.subscriber.is_idle:
            self._codes.update(codes)
            self._links.set()

    def on_loss(self) -> None:
        """Reports may have been missed: as soon as they arrive again, everything is looked up. Who comes later has
        missed nothing."""
        self._has_missed = bool(self._hub.listeners)

    def on_revoked(self, subjects: Collection[str] | None) -> None:
        if subjects is None:
            self._rights.set()
            return
        for listener in list(self._hub.listeners):
            if listener.principal is not None and not listener.principal.subjects.isdisjoint(subjects):
                self._hub.close(listener, "revoked")

    async def run(self) -> None:
        """Until cancelled."""
        steps = (self._hub.wake, self._read_history, self._judge, self._read_links, self._tick, self._poll)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hub.subscriber.run())
            for step in steps:
                tasks.create_task(self._repeat(step))

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._hub.has_listeners.wait()
            try:
                await step()
            except Exception as error:  # Listeners wait for the database, whatever is wrong with it.
                log.warning("live_step_failed", step=step.__name__, error=repr(error))
                await asyncio.sleep(RETRY_S)

    async def _read_history(self) -> None:
        await _wait(self._history, INFORMED_LOOK_S)
        await self._hub.read_history()

    async def _judge(self) -> None:
        is_informed = self.lifetime_s >= INFORMED_LIFETIME_S
        if await _wait(self._rights, INFORMED_LOOK_S if is_informed else UNINFORMED_LOOK_S):
            # Clients may have been banned; the list of bans is read again at the same report.
            await self._ban_list.refresh()
        await self._hub.judge_all()

    async def _read_links(self) -> None:
        await _wait(self._links, INFORMED_LOOK_S)
        while self._codes:
            some = [self._codes.pop() for _ in range(min(_CODES_AT_ONCE, len(self._codes)))]
            async with self._database.driver_connection() as connection:
                self._send(await self._changes.of_codes(connection, some))

    def _send(self, changes: list[Change]) -> None:
        by_space: defaultdict[uuid.UUID | None, list[Change]] = defaultdict(list)
        for change in changes:
            by_space[change.workspace_id].append(change)
            if self._hub.listening(of_link(change.link_id)):
                # The link may have moved, or be gone.
                self._rights.set()
        for space, some in by_space.items():
            of_space = () if space is None else self._hub.listening(of_workspace(space))
            is_many = len(some) > MANY_LINKS
            for change in some:
                listeners = {*self._hub.listening(of_link(change.link_id)), *(() if is_many else of_space)}
                self._hub.send(listeners, self._hub.message(change.type, change.data))
            if is_many:
                self._hub.send(of_space, self._hub.message("links.changed", {"workspace": space, "count": len(some)}))

    async def _tick(self) -> None:
        """Send clicks that had no room before."""
        await asyncio.sleep(TICK_S)
        for channel, waiting in list(self._hub.clicks.items()):
            if waiting.is_waiting:
                self._hub.send_clicks(channel)

    async def _poll(self) -> None:
        """While Redis does not report, say so and read what it would report."""
        await asyncio.sleep(POLL_S if self._hub.is_degraded else TICK_S)
        now_s = time.monotonic()
        if now_s - self._looked_at_s > POLL_S + DEGRADED_AFTER_S:  # Nobody listened meanwhile.
            self._informed_at_s, self._polled_at, self._has_missed = now_s, datetime.now(UTC), False
        self._looked_at_s = now_s
        if self.lifetime_s >= INFORMED_LIFETIME_S and (self._hub.subscriber.is_up or self._hub.subscriber.is_idle):
            self._informed_at_s = now_s
        was_degraded, is_degraded = self._hub.is_degraded, now_s - self._informed_at_s > DEGRADED_AFTER_S
        if is_degraded != was_degraded:
            self._hub.is_degraded = is_degraded
            self._hub.send(self._hub.listeners, self._hub.message("degraded" if is_degraded else "recovered", {}))
        is_informed = self._informed_at_s == now_s
        if is_degraded or was_degraded or (is_informed and self._has_missed):
            self._has_missed = not is_informed
            await self._read_all()
        elif is_informed:
            self._polled_at = datetime.now(UTC)

    async def _read_all(self) -> None:
        links = [int(channel.subject) for channel in self._hub.channels if channel.kind == "link"]
        spaces = [channel.subject for channel in self._hub.channels if isinstance(channel.subject, uuid.UUID)]
        now = datetime.now(UTC)
        async with self._database.driver_connection() as connection:
            await number_new(connection)
            changes = await self._changes.since(connection, self._polled_at - _OVERLAP, links, spaces)
        self._polled_at = now
        self._send(changes)
        announced = dict(self._hub.totals)
        for link_id, total in (await self._hub.read_totals(self._hub.channels)).items():
            before = announced.get(link_id, total)
            if total > before:
                self._hub.add_clicks(of_link(link_id), link_id, total - before, 0, total, [])
        await self._hub.read_history()


async def _wait(event: asyncio.Event, timeout_s: float) -> bool:
    """Until the event is set, and what is reported together has come; or until the time is over, which is False."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    await asyncio.sleep(GATHER_S)
    event.clear()
    return True
