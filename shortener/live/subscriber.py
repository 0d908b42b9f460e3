"""One connection to Redis that hears what workers publish for the channels that have listeners in this process."""

import asyncio
from collections.abc import Callable

import structlog
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection as Connection
from redis.exceptions import RedisError

from shortener.stores.pongs import PING_INTERVAL_S, Pongs

log = structlog.get_logger(__name__)

# New and abandoned topics are passed on at this interval.
_LOOK_S = 0.05


class Subscriber:
    """`heard` gets a topic and a message. `on_loss` sets what is called when messages may have been missed."""

    def __init__(self, redis: Redis, heard: Callable[[str, bytes], None]) -> None:
        self._pool = redis.connection_pool
        self._heard = heard
        self._lost: Callable[[], None] = lambda: None
        self._wanted: set[str] = set()
        self._asked: set[str] = set()
        self._confirmed: set[str] = set()
        self._is_wanted = asyncio.Event()
        self.is_up = False

    def on_loss(self, lost: Callable[[], None]) -> None:
        self._lost = lost

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to listen to."""
        return not self._wanted

    def want(self, topic: str) -> None:
        self._wanted.add(topic)
        self._is_wanted.set()

    def unwant(self, topic: str) -> None:
        self._wanted.discard(topic)
        if not self._wanted:
            self._is_wanted.clear()

    def hears(self, topics: set[str]) -> bool:
        """Whether Redis sends all that is published under these."""
        return self.is_up and topics <= self._confirmed

    async def run(self) -> None:
        """Until cancelled; connects when there is something to listen to, as often as needed."""
        while True:
            await self._is_wanted.wait()
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("live_messages_lost", error=repr(error))
                await asyncio.sleep(PING_INTERVAL_S)

    async def _listen(self) -> None:
        connection = await self._pool.get_connection()
        self._asked.clear()
        pongs = Pongs(connection)
        try:
            while self._wanted:
                await self._ask(connection)
                if (response := await pongs.read(_LOOK_S)) is not None:
                    self._take(response)
        finally:
            if self._wanted:
                self._lost()
            self.is_up = False
            self._confirmed.clear()
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)

    async def _ask(self, connection: Connection) -> None:
        if self._asked != self._wanted:
            for command, topics in (
                ("SUBSCRIBE", self._wanted - self._asked),
                ("UNSUBSCRIBE", self._asked - self._wanted),
            ):
                if topics:
                    await connection.send_command(command, *topics, check_health=False)
            self._asked = set(self._wanted)

    def _take(self, response: list[bytes]) -> None:
        kind = response[0]
        if kind == b"pong":
            self.is_up = True
        elif kind == b"message":
            self._heard(response[1].decode(), response[2])
        elif kind == b"subscribe":
            self._confirmed.add(response[1].decode())
        elif kind == b"unsubscribe":
            self._confirmed.discard(response[1].decode())
