"""All listeners of one process: who hears what, what was missed, and who is too slow."""

import asyncio
import time
from collections import deque
from collections.abc import Collection, Iterable
from typing import Any

import orjson
from redis.asyncio import Redis

from shortener.event_loop.slices import gathered
from shortener.links.ids import link_id_of
from shortener.live.channels import Channel, of_link, read_topic
from shortener.live.clicks import ClickChannel
from shortener.live.history import Row, forgotten, newest, read
from shortener.live.listener import Listener
from shortener.live.messages import Message
from shortener.live.metrics import LIVE_CLOSED, LIVE_MESSAGES
from shortener.live.rights import read_rights
from shortener.live.subscriber import Subscriber
from shortener.screening.ban_list import BanList, ClientBanned
from shortener.stores.database import Database

# Rows that a listener can be given which it missed.
MAX_RESUMED = 500
_ROWS_AT_ONCE = 500
# Until Redis has confirmed the channels of a new listener.
SUBSCRIBE_TIMEOUT_S = 1.0
# Listeners that run between two turns of redirects, and that are judged between two turns.
_WOKEN_AT_ONCE = 25
_JUDGED_AT_ONCE = 200

_TOTALS = "SELECT link_id, clicks FROM click_totals WHERE link_id = ANY($1::bigint[])"


class Hub:
    """Adds, judges and serves listeners. `Follower` brings the news."""

    def __init__(self, database: Database, redis: Redis, ban_list: BanList) -> None:
        self._database = database
        self._ban_list = ban_list
        self._by_channel: dict[Channel, set[Listener]] = {}
        self._number = 0
        self._serial = 0
        self._reading = asyncio.Lock()
        self._sleeping: deque[Listener] = deque()
        self._has_sleeping = asyncio.Event()
        self.listeners: set[Listener] = set()
        self.has_listeners = asyncio.Event()
        self.clicks: dict[Channel, ClickChannel] = {}
        self.totals: dict[int, int] = {}
        self.is_degraded = False
        self.subscriber = Subscriber(redis, self.hear)

    @property
    def channels(self) -> Collection[Channel]:
        return self._by_channel.keys()

    # Listeners come and go

    async def add(self, listener: Listener, after: int | None) -> list[Channel]:
        """Let the listener hear what it may, and first what it missed since `after`. Returns the channels that do not
        exist or that it may not hear. Raises the database's errors."""
        async with self._reading:
            if not self.listeners:
                async with self._database.session() as session:
                    self._number = await newest(session)
        # A report that comes from here on has the listener judged again.
        self._attach(listener)
        try:
            refused = await self._judge_new(listener)
            await self._wait_for_redis(listener)
            totals = await self.read_totals(listener.channels)
            missed: list[Message] = []
            if after is not None:
                await self.read_history()
                missed = await self._missed(listener, after)
        except BaseException:
            self.remove(listener)
            raise
        names = sorted(channel.name for channel in listener.channels)
        ready: dict[str, Any] = {"channels": names, "degraded": self.is_degraded}
        if listener.hears_clicks:
            ready["totals"] = {link_id_of(link_id): total for link_id, total in totals.items()}
        # A client that has only this message by then gets the rows behind it again.
        number = listener.since if after is None or any(not message.is_row for message in missed) else after
        listener.begin(Message(number, self._next(), "ready", ready), missed, after)
        return refused

    async def subscribe(self, listener: Listener, channels: Iterable[Channel]) -> list[Channel]:
        """Let the listener hear further channels from now on. Returns those that it may not hear."""
        new = set(channels) - listener.channels
        for channel in new:
            self._attach_to(listener, channel)
        refused = await self._judge_new(listener)
        await self._wait_for_redis(listener)
        await self.read_totals(new & listener.channels)
        return [channel for channel in refused if channel in new]

    def unsubscribe(self, listener: Listener, channels: Iterable[Channel]) -> None:
        for channel in set(channels) & listener.channels:
            listener.channels.discard(channel)
            self._detach(listener, channel)

    def remove(self, listener: Listener) -> None:
        self.listeners.discard(listener)
        for channel in listener.channels:
            self._detach(listener, channel)
        if not self.listeners:
            self.has_listeners.clear()

    def close(self, listener: Listener, reason: str) -> None:
        """Send the reason as the last message."""
        if listener.closed_for is None:
            listener.close(reason, self.message("closed", {"reason": reason}))
            LIVE_CLOSED.labels(reason).inc()
            self.remove(listener)

    def close_all(self, reason: str) -> None:
        for listener in list(self.listeners):
            self.close(listener, reason)

    def _attach(self, listener: Listener) -> None:
        listener.since = self._number
        self.listeners.add(listener)
        self.has_listeners.set()
        for channel in list(listener.channels):
            self._attach_to(listener, channel)

    def _attach_to(self, listener: Listener, channel: Channel) -> None:
        listener.channels.add(channel)
        self._by_channel.setdefault(channel, set()).add(listener)
        if channel.has_topic:
            self.subscriber.want(channel.topic)

    def _detach(self, listener: Listener, channel: Channel) -> None:
        others = self._by_channel.get(channel, set())
        others.discard(listener)
        if not others:
            self._by_channel.pop(channel, None)
            self.clicks.pop(channel, None)
            self.subscriber.unwant(channel.topic)
            if channel.kind == "link":
                self.totals.pop(int(channel.subject), None)

    async def _wait_for_redis(self, listener: Listener) -> None:
        topics = {channel.topic for channel in listener.channels if channel.has_topic}
        deadline_s = time.monotonic() + (0 if self.is_degraded else SUBSCRIBE_TIMEOUT_S)
        while topics and not self.subscriber.hears(topics) and time.monotonic() < deadline_s:
            await asyncio.sleep(0.01)

    # Messages

    def message(self, type_: str, data: Any) -> Message:
        """A message that is not history."""
        return Message(self._number, self._next(), type_, data)

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    def listening(self, channel: Channel) -> Collection[Listener]:
        return self._by_channel.get(channel, ())

    def send(self, listeners: Iterable[Listener], message: Message) -> None:
        sent = 0
        for listener in list(listeners):
            sent += 1
            if listener.put(message):
                self._sleeping.append(listener)
            else:
                self.close(listener, "slow")
        if sent:
            self._has_sleeping.set()
            LIVE_MESSAGES.inc(sent)

    async def wake(self) -> None:
        """Wake listeners that have messages, some at a time: redirects have their turn in between."""
        await self._has_sleeping.wait()
        for _ in range(min(_WOKEN_AT_ONCE, len(self._sleeping))):
            self._sleeping.popleft().wake()
        if self._sleeping:
            await asyncio.sleep(0)
        else:
            self._has_sleeping.clear()

    def hear(self, topic: str, published: bytes) -> None:
        """A message of a worker: of clicks, or of a link."""
        channel, message = read_topic(topic), orjson.loads(published)
        if channel not in self._by_channel:
            return
        if message["type"] == "clicks":
            self.add_clicks(
                channel, message["link"], *(message[name] for name in ("people", "bots", "total", "clicks"))
            )
        else:
            self.send(self.listening(channel), self.message(message["type"], message["data"]))

    def add_clicks(
        self, channel: Channel, link_id: int, people: int, bots: int, total: int, samples: list[dict[str, Any]]
    ) -> None:
        """Send clicks of a link as soon as the channel has room for them."""
        if channel.kind == "link":
            self.totals[link_id] = total = max(total, self.totals.get(link_id, 0))
        self.clicks.setdefault(channel, ClickChannel()).add(link_id, people, bots, total, samples)
        self.send_clicks(channel)

    def send_clicks(self, channel: Channel) -> None:
        listeners = [listener for listener in self.listening(channel) if listener.hears_clicks]
        for data in self.clicks[channel].due(time.monotonic()):
            self.send(listeners, self.message("click", data))

    async def read_totals(self, channels: Iterable[Channel]) -> dict[int, int]:
        """People's clicks of the links among these channels. Later clicks are announced."""
        links = [int(channel.subject) for channel in channels if channel.kind == "link"]
        if not links:
            return {}
        async with self._database.driver_connection() as connection:
            rows = await connection.fetch(_TOTALS, links)
        totals = dict.fromkeys(links, 0) | {row["link_id"]: row["clicks"] for row in rows}
        for link_id, total in totals.items():
            if of_link(link_id) in self._by_channel:
                self.totals.setdefault(link_id, total)
        return totals

    # History

    async def read_history(self) -> None:
        """Send the rows that are new here."""
        async with self._reading, self._database.session() as session:
            until = await newest(session)
            while self._number < until:
                rows = await read(session, self._number, until, _ROWS_AT_ONCE)
                for row in rows:
                    self._number = row.number
                    self._send_row(row)
                if len(rows) < _ROWS_AT_ONCE:
                    self._number = until

    def _send_row(self, row: Row) -> None:
        self.send({one for channel in row.channels for one in self.listening(channel)}, _of_row(row))

    async def _missed(self, listener: Listener, after: int) -> list[Message]:
        """The rows behind `after` that came before the listener; a single `gap` if they cannot be given."""
        rows: list[Row] | None = None
        async with self._database.session() as session:
            if await forgotten(session) <= after <= self._number:
                rows = await read(session, after, listener.since, MAX_RESUMED + 1, list(listener.channels))
        if rows is None or len(rows) > MAX_RESUMED:
            return [Message(listener.since, self._next(), "gap", {"after": after})]
        return await gathered(map(_of_row, rows))

    # Rights

    async def judge_all(self) -> None:
        every = list(self.listeners)
        for start in range(0, len(every), _JUDGED_AT_ONCE):
            await self._judge(every[start : start + _JUDGED_AT_ONCE], is_announced=True)

    async def _judge_new(self, listener: Listener) -> list[Channel]:
        before = set(listener.channels)
        await self._judge([listener], is_announced=False)
        return sorted(before - listener.channels, key=str)

    async def _judge(self, listeners: list[Listener], *, is_announced: bool) -> None:
        """Take channels from listeners that may not hear them, and close those whose credential has ended."""
        async with self._database.driver_connection() as connection:
            rights = await read_rights(connection, listeners)
        for listener in listeners:
            lost = [channel for channel in listener.channels if not rights.may_hear(listener, channel)]
            if not rights.is_known(listener):
                self.close(listener, "revoked")
            elif self._is_banned(listener):
                self.close(listener, "banned")
            elif lost:
                self.unsubscribe(listener, lost)
                if is_announced:
                    self._announce_lost(listener, lost)

    def _announce_lost(self, listener: Listener, lost: list[Channel]) -> None:
        self.send([listener], self.message("unsubscribed", {"channels": sorted(channel.name for channel in lost)}))
        if not listener.channels:
            self.close(listener, "forbidden")

    def _is_banned(self, listener: Listener) -> bool:
        try:
            self._ban_list.check_client(listener.client)
        except ClientBanned:
            return True
        return False


def _of_row(row: Row) -> Message:
    return Message(row.number, None, row.type, row.data, row.at)
