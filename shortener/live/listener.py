"""One listener: who it is, what it hears of, and messages that wait until it reads them."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Iterable

from shortener.access.memberships import Caller
from shortener.access.principals import Principal
from shortener.access.scopes import Scope
from shortener.live.channels import Channel
from shortener.live.messages import Message

# Messages that wait for a listener. One that falls further behind is dropped.
MAX_WAITING = 256
# Within this time a listener hears something, so that proxies keep the connection and dead ones are noticed.
HEARTBEAT_S = 15.0


class Listener:
    """`principal` is None for somebody without an account, where the settings admit them."""

    __slots__ = ("_waiter", "_waiting", "caller", "channels", "client", "closed_for", "has_begun", "principal", "since")

    def __init__(self, principal: Principal | None, caller: Caller, client: str, channels: Iterable[Channel]) -> None:
        self.principal = principal
        self.caller = caller
        self.client = client
        self.channels = set(channels)
        # Why no further message comes.
        self.closed_for: str | None = None
        # The number of history from which on the hub sends rows, which wait until the listener has begun.
        self.since = 0
        self.has_begun = False
        self._waiting: deque[Message] = deque()
        self._waiter: asyncio.Future[None] | None = None

    @property
    def hears_clicks(self) -> bool:
        return self.principal is None or Scope.STATS_READ in self.principal.scopes

    @property
    def left_s(self) -> float:
        """Seconds until the credential ends."""
        return math.inf if self.principal is None else self.principal.expires_at_s - time.time()

    def begin(self, ready: Message, missed: list[Message], after: int | None) -> None:
        """The first messages. Rows that another process has sent to this listener are left out."""
        since = [message for message in self._waiting if not (after is not None and message.is_row_until(after))]
        self._waiting = deque([ready, *missed, *since])
        self.has_begun = True
        self.wake()

    def put(self, message: Message) -> bool:
        """Whether there was room. Call `wake` afterwards."""
        if self.closed_for is not None:
            return True
        if len(self._waiting) >= MAX_WAITING:
            return False
        self._waiting.append(message)
        return True

    def close(self, reason: str, last: Message) -> None:
        """`last` is the last message. Of a listener that was too slow, nothing else is kept."""
        if self.closed_for is None:
            self.closed_for = reason
            if reason == "slow":
                self._waiting.clear()
            self._waiting.append(last)
            self.wake()

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self) -> list[Message] | None:
        """What waits, as soon as there is something; nothing after HEARTBEAT_S, or when the credential has ended; None
        when the listener is closed and has taken everything."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + max(0.0, min(HEARTBEAT_S, self.left_s))
        # What a listener is woken for, it may have taken already.
        while not (self._waiting and self.has_begun) and self.closed_for is None:
            self._waiter = loop.create_future()
            try:
                async with asyncio.timeout_at(until_s):
                    await self._waiter
            except TimeoutError:
                return []
            finally:
                self._waiter = None
        if not self._waiting:
            return None
        taken = list(self._waiting)
        self._waiting.clear()
        return taken
