"""Banned hosts and clients, which each process has in memory."""

import asyncio
import ipaddress
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path

import msgspec
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
from shortener.stores.mirror import Mirror

BANS_CHANNEL = "bans"

# Ids only grow, so an equal count and sum of ids mean the same bans.
_VERSION = text(
    "SELECT count(*), coalesce(sum(id), 0) FROM bans WHERE lifted_at IS NULL AND kind IN ('host', 'client')"
)
# One row, because a garbage collection visits each row object, but not the strings in a list.
_SELECT = """
    SELECT array_agg(value) FILTER (WHERE kind = 'host') AS hosts,
        array_agg(value) FILTER (WHERE kind = 'client') AS clients
    FROM bans WHERE lifted_at IS NULL
"""


class ClientBanned(Forbidden):
    """An admin has banned the address or network that the request comes from.

    Contact the operator.
    """

    type, title = "client-banned", "Client banned"

    def __init__(self) -> None:
        super().__init__("This address may no longer use the API. Contact the operator.")


class HostState(StrEnum):
    """Why links may not lead to a host."""

    BANNED = "banned"
    LISTED = "block_list"


class BanList:
    """Calls `forget` when the banned hosts change, because cached targets may then be wrong."""

    def __init__(
        self, database: Database, block_list: Path | None, forget: Callable[[None], None] = lambda _: None
    ) -> None:
        self._database = database
        self._forget = forget
        self._block_list = None if block_list is None else BlockList(block_list, lambda: forget(None))
        self._hosts: frozenset[str] = frozenset()
        self._clients = Networks()
        self._version: tuple[int, int] | None = None
        self.mirror = Mirror("bans", self._load)

    def state_of(self, host: str) -> HostState | None:
        """Why links may not lead to `host`, if so. The host is in its normal form."""
        if self._hosts and covers(self._hosts, host):
            return HostState.BANNED
        if self._block_list is not None and covers(self._block_list.hosts, host):
            return HostState.LISTED
        return None

    def judge(self, target: Target) -> Target:
        """The target to remember: banned if a host is that it may lead to."""
        if not self._hosts and self._block_list is None:
            return target
        if target.is_banned or target.is_deleted or not any(map(self.state_of, map(host_of, target.urls()))):
            return target
        return msgspec.structs.replace(target, is_banned=True)

    def check_client(self, address: str) -> None:
        """Raises ClientBanned."""
        if self._clients.cover(address):
            CLIENTS_REFUSED.inc()
            raise ClientBanned

    async def start(self) -> None:
        """Load all bans before the first request."""
        if self._block_list is not None:
            await self._block_list.refresh()
        await self.refresh()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.mirror.run())
            if self._block_list is not None:
                tasks.create_task(self._block_list.run())

    async def refresh(self) -> None:
        """Load the bans. While the database does not answer, the last known ones stay."""
        await self.mirror.refresh()

    async def _load(self) -> None:
        async with self._database.engine.connect() as connection:
            count, ids = (await connection.execute(_VERSION)).one()
            version = (count, int(ids))
            if version != self._version:
                row = await (await driver_of(connection)).fetchrow(_SELECT)
                await self._take(row["hosts"] or (), row["clients"] or ())
                self._version = version

    async def _take(self, banned_hosts: Iterable[str], clients: Iterable[str]) -> None:
        self._clients = Networks(await gathered(map(ipaddress.ip_network, clients)))
        hosts = frozenset(banned_hosts)
        if hosts != self._hosts:
            self._hosts = hosts
            self._forget(None)
