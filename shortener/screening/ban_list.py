"""What a process knows of bans: hosts and clients, in memory, and so without a question to anybody."""

import asyncio
import contextlib
import ipaddress
import time
from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from pathlib import Path

import msgspec
import structlog
from sqlalchemy import text

from shortener.errors import Forbidden
from shortener.event_loop.slices import gathered
from shortener.http.client_address import Networks
from shortener.redirect.target import Target
from shortener.screening.block_list import BlockList
from shortener.screening.destinations import host_of
from shortener.screening.hosts import covers
from shortener.screening.metrics import CLIENTS_REFUSED
from shortener.stores.database import Database, driver_of
from shortener.stores.invalidations import INFORMED_LIFETIME_S, UNINFORMED_LIFETIME_S

log = structlog.get_logger(__name__)

BANS_CHANNEL = "bans"
# While Redis reports bans they are asked for this seldom all the same, and this often while it does not.
INFORMED_INTERVAL_S = INFORMED_LIFETIME_S / 2
UNINFORMED_INTERVAL_S = UNINFORMED_LIFETIME_S / 2
LOAD_TIMEOUT_S = 2.0

# Ids only grow: as many bans with the same sum are the same bans.
_VERSION = text(
    "SELECT count(*), coalesce(sum(id), 0) FROM bans WHERE lifted_at IS NULL AND kind IN ('host', 'client')"
)
# In one row: a collection of garbage looks at each row, and at no text.
_SELECT = """
    SELECT array_agg(value) FILTER (WHERE kind = 'host') AS hosts,
        array_agg(value) FILTER (WHERE kind = 'client') AS clients
    FROM bans WHERE lifted_at IS NULL
"""


class ClientBanned(Forbidden):
    type, title = "client-banned", "Client banned"

    def __init__(self) -> None:
        super().__init__("This address may no longer use the API. Contact the operator.")


class HostState(StrEnum):
    """Why no link may lead to a host."""

    BANNED = "banned"
    LISTED = "block_list"


class BanList:
    """`forget` is called when other hosts are banned than before: no memory of targets is to be trusted then."""

    def __init__(
        self, database: Database, block_list: Path | None, forget: Callable[[None], None] = lambda _: None
    ) -> None:
        self._database = database
        self._forget = forget
        self._block_list = None if block_list is None else BlockList(block_list, lambda: forget(None))
        self._hosts: frozenset[str] = frozenset()
        self._clients = Networks()
        self._version: tuple[int, int] | None = None
        self._loading = asyncio.Lock()
        self._loaded_at_s = float("-inf")
        self._reported = asyncio.Event()
        # What Redis's reports are worth, as for the other memories of this process.
        self.lifetime_s = UNINFORMED_LIFETIME_S

    def state_of(self, host: str) -> HostState | None:
        """What keeps links from leading to a host, which is in the form that URLs have it in."""
        if self._hosts and covers(self._hosts, host):
            return HostState.BANNED
        if self._block_list is not None and covers(self._block_list.hosts, host):
            return HostState.LISTED
        return None

    def judge(self, target: Target) -> Target:
        """The target as it is to be remembered: banned when its host is."""
        if not self._hosts and self._block_list is None:
            return target
        if target.is_banned or self.state_of(host_of(target.url)) is None:
            return target
        return msgspec.structs.replace(target, is_banned=True)

    def check_client(self, address: str) -> None:
        """Raises ClientBanned."""
        if self._clients.cover(address):
            CLIENTS_REFUSED.inc()
            raise ClientBanned

    def on_report(self, _: Collection[str] | None) -> None:
        """Something was banned, or is no longer."""
        self._reported.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_bans())
            if self._block_list is not None:
                tasks.create_task(self._block_list.run())

    async def _follow_bans(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(UNINFORMED_INTERVAL_S):
                    await self._reported.wait()
            is_informed = self.lifetime_s >= INFORMED_LIFETIME_S
            age_s = time.monotonic() - self._loaded_at_s
            if self._reported.is_set() or not is_informed or age_s >= INFORMED_INTERVAL_S:
                self._reported.clear()
                await self.refresh()

    async def start(self) -> None:
        """Know what there is to know, before the first request."""
        if self._block_list is not None:
            await self._block_list.refresh()
        await self.refresh()

    async def refresh(self) -> None:
        """Ask the database. While it does not answer, what was known goes on being true."""
        # One after the other: what was read first must not be kept last.
        async with self._loading:
            try:
                async with asyncio.timeout(LOAD_TIMEOUT_S):
                    await self._load()
            except Exception as error:  # Whatever is wrong with the database, this goes on.
                log.warning("bans_not_loaded", error=repr(error))
                self._loaded_at_s = float("-inf")

    async def _load(self) -> None:
        async with self._database.engine.connect() as connection:
            count, ids = (await connection.execute(_VERSION)).one()
            version = (count, int(ids))
            if version != self._version:
                row = await (await driver_of(connection)).fetchrow(_SELECT)
                await self._take(row["hosts"] or (), row["clients"] or ())
                self._version = version
        self._loaded_at_s = time.monotonic()

    async def _take(self, banned_hosts: Iterable[str], clients: Iterable[str]) -> None:
        self._clients = Networks(await gathered(map(ipaddress.ip_network, clients)))
        hosts = frozenset(banned_hosts)
        if hosts != self._hosts:
            self._hosts = hosts
            self._forget(None)
