"""How many people may still follow a link that has a limit: granted by the database before a destination is given.

`click_limits.used` is never less than the number of destinations given. While much is left, a process takes some clicks
in advance, so that few redirects wait for the database; it gives back what it has not used. So only a process that is
killed loses clicks: at most a hundredth of what was left, and no more than MAX_ADVANCE.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import islice

import structlog

from shortener.event_loop.tasks import call_safely
from shortener.stores.database import Database

log = structlog.get_logger(__name__)

# Clicks that a process takes in advance, at most. Less than a hundred left are granted one by one.
MAX_ADVANCE = 256
_ADVANCE_PART = 100
# Clicks taken in advance are given back when nobody has followed the link for this time.
IDLE_S = 1.0
# For this time, a link that is used up is not asked about again. Another limit is seen at once.
USED_UP_S = 1.0
TIMEOUT_S = 2.0
# Connections of the pool that are used at the same time.
_AT_ONCE = 2
MAX_LINKS = 20_000

# $1 link, $2 clicks wanted, $3 and $4 bound what is taken in advance. Without a limit by now, all are granted.
_TAKE = """
    WITH l AS (
        SELECT c.link_id, coalesce(greatest(k.max_clicks - c.used, 0), $2::bigint) AS left
        FROM click_limits AS c JOIN links AS k ON k.id = c.link_id WHERE c.link_id = $1 FOR UPDATE OF c
    ), g AS (
        SELECT link_id, least(l.left, $2 + greatest(0, least($3::bigint, (l.left - $2) / $4::bigint))) AS granted FROM l
    )
    UPDATE click_limits AS c SET used = c.used + g.granted FROM g WHERE c.link_id = g.link_id RETURNING g.granted
"""
_GIVE_BACK = "UPDATE click_limits SET used = used - $2 WHERE link_id = $1"

# Called with whether a click is granted, or with the error when nobody can tell.
Granted = Callable[[bool | Exception], None]


class _Quota:
    """What this process knows of one link. `left` clicks are taken in advance."""

    __slots__ = ("left", "max_clicks", "timer", "used_up_until_s", "waiting")

    def __init__(self, max_clicks: int) -> None:
        self.max_clicks = max_clicks
        self.left = 0
        self.waiting: deque[Granted] = deque()
        self.used_up_until_s = 0.0
        self.timer: asyncio.TimerHandle | None = None


class Quotas:
    """Grants clicks of links with a limit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._links: dict[int, _Quota] = {}
        self._asking: dict[int, asyncio.Task[None]] = {}
        self._giving_back: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def take(self, link_id: int, max_clicks: int, granted: Granted) -> None:
        """Call `granted`, which may be at once, for one click of a link with this limit."""
        quota = self._links.get(link_id)
        if quota is None or quota.max_clicks != max_clicks:
            quota = self._start(link_id, quota, max_clicks)
        loop = asyncio.get_running_loop()
        if quota.left:
            quota.left -= 1
            granted(True)
        elif quota.used_up_until_s > loop.time():
            granted(False)
        else:
            quota.waiting.append(granted)
            if link_id not in self._asking:
                self._asking[link_id] = loop.create_task(self._ask(link_id))

    def _start(self, link_id: int, before: _Quota | None, max_clicks: int) -> _Quota:
        """Under another limit than before, what was taken in advance may be too much."""
        quota = _Quota(max_clicks)
        if before is not None:
            self._release(link_id, before)
            quota.waiting = before.waiting
        elif len(self._links) >= MAX_LINKS:
            self._forget_some()
        self._links[link_id] = quota
        return quota

    def _forget_some(self) -> None:
        idle = [link_id for link_id, quota in self._links.items() if not quota.left and not quota.waiting]
        for link_id in islice(idle, MAX_LINKS // 2):
            del self._links[link_id]

    async def _ask(self, link_id: int) -> None:
        try:
            while waiting := self._links[link_id].waiting:
                wanted = len(waiting)
                try:
                    async with self._turns:
                        taken = await self._taken(link_id, wanted)
                except Exception as error:  # Each request that waits needs an answer.
                    self._answer(link_id, wanted, error)
                else:
                    self._grant(link_id, wanted, taken)
        finally:
            del self._asking[link_id]

    async def _taken(self, link_id: int, wanted: int) -> int:
        async with self._database.driver_connection() as connection:
            taken: int | None = await connection.fetchval(
                _TAKE, link_id, wanted, MAX_ADVANCE, _ADVANCE_PART, timeout=TIMEOUT_S
            )
        return taken or 0

    def _grant(self, link_id: int, wanted: int, taken: int) -> None:
        quota = self._links[link_id]
        self._answer(link_id, min(wanted, taken), True)
        if taken < wanted:
            quota.used_up_until_s = asyncio.get_running_loop().time() + USED_UP_S
            self._answer(link_id, wanted - taken, False)
        elif taken > wanted:
            quota.left += taken - wanted
            if quota.timer is None:
                self._look_later(link_id, quota)

    def _answer(self, link_id: int, count: int, answer: bool | Exception) -> None:
        waiting = self._links[link_id].waiting
        for _ in range(count):
            call_safely(waiting.popleft(), answer)

    def _look_later(self, link_id: int, quota: _Quota) -> None:
        loop = asyncio.get_running_loop()
        quota.timer = loop.call_later(IDLE_S, self._look, link_id, quota, quota.left)

    def _look(self, link_id: int, quota: _Quota, left_before: int) -> None:
        """Give back what nobody has wanted since the last look."""
        quota.timer = None
        if quota.left and quota.left == left_before:
            self._release(link_id, quota)
        elif quota.left:
            self._look_later(link_id, quota)

    def _release(self, link_id: int, quota: _Quota) -> None:
        if quota.timer is not None:
            quota.timer.cancel()
            quota.timer = None
        if quota.left:
            task = asyncio.get_running_loop().create_task(self._give_back(link_id, quota, quota.left))
            quota.left = 0
            self._giving_back.add(task)
            task.add_done_callback(self._giving_back.discard)

    async def _give_back(self, link_id: int, quota: _Quota, count: int) -> None:
        """Without a connection the clicks stay here. Once the statement has begun, nobody knows whether they are given
        back: the link then works less often than it could, and never more often."""
        has_begun = False
        try:
            async with self._turns, self._database.driver_connection() as connection:
                has_begun = True
                await connection.execute(_GIVE_BACK, link_id, count, timeout=TIMEOUT_S)
        except Exception as error:  # Whatever is wrong with the database.
            if not has_begun and self._links.get(link_id) is quota:
                quota.left += count
                if quota.timer is None:
                    self._look_later(link_id, quota)
            else:
                log.warning("clicks_not_given_back", link=link_id, clicks=count, error=repr(error))

    async def close(self) -> None:
        """Give back what is left."""
        for link_id, quota in self._links.items():
            self._release(link_id, quota)
        await asyncio.gather(*self._asking.values(), *self._giving_back, return_exceptions=True)
