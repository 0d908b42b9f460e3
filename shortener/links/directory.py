"""The verified domains, which each process has in memory."""

import uuid
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import text

from shortener.errors import Conflict, InvalidField
from shortener.redirect.hosts import Site
from shortener.screening.destinations import OwnHosts
from shortener.stores.database import Database, driver_of
from shortener.stores.mirror import Mirror

DOMAINS_CHANNEL = "domains"

_VERSION = text("SELECT count(*), max(updated_at) FROM domains WHERE verified_at IS NOT NULL")
_SELECT = """
    SELECT host, workspace_id, is_default, root_url, not_found_url, expired_url, removed_at IS NOT NULL AS is_gone
    FROM domains WHERE verified_at IS NOT NULL
"""


class UnknownDomain(InvalidField):
    """`domain` is not a verified domain of the link's workspace.

    `GET /api/v1/domains`
    """

    type, title = "unknown-domain", "Unknown domain"

    def __init__(self, host: str) -> None:
        super().__init__("/domain", f"{host} is not a verified domain of the link's workspace")


class DomainStays(Conflict):
    """A link on a domain stays in the domain's workspace.

    Create another link.
    """

    type, title = "domain-stays", "Domain stays"

    def __init__(self, host: str) -> None:
        super().__init__(f"A link on {host} stays in the workspace of that domain.")


class _Known(NamedTuple):
    workspace_id: uuid.UUID
    is_default: bool


class Directory:
    """Calls `changed` with the sites when they differ from before. `own` are the service's hosts without domains."""

    def __init__(self, database: Database, own: OwnHosts, changed: Callable[[Mapping[str, Site]], None]) -> None:
        self._database = database
        self._base = own
        self._changed = changed
        self._version: object = None
        self._known: dict[str, _Known] = {}
        self._defaults: dict[uuid.UUID, str] = {}
        # The hosts that no link may lead to.
        self.own = own
        self.mirror = Mirror("domains", self._load)

    def workspace_of(self, host: str) -> uuid.UUID | None:
        """Whose domain it is; None for a host that is not a domain."""
        known = self._known.get(host)
        return None if known is None else known.workspace_id

    def domains_of(self, workspace_id: uuid.UUID | None) -> list[str]:
        """The domains that links of the workspace can be on, by their names."""
        return sorted(host for host, known in self._known.items() if known.workspace_id == workspace_id)

    def check(self, host: str, workspace_id: uuid.UUID | None) -> None:
        """Raises UnknownDomain unless the workspace's links can be on this host."""
        known = self._known.get(host)
        if known is None or known.workspace_id != workspace_id:
            raise UnknownDomain(host)

    @property
    def has_defaults(self) -> bool:
        """Whether any workspace has a default domain."""
        return bool(self._defaults)

    def default_of(self, workspace_id: uuid.UUID | None) -> str | None:
        """The domain of new links in a workspace that name none."""
        return None if workspace_id is None else self._defaults.get(workspace_id)

    def serves(self, host: str) -> bool:
        """Whether short links work under this host."""
        return host in self._known or host in self._base.names

    async def _load(self) -> None:
        async with self._database.engine.connect() as connection:
            version = tuple((await connection.execute(_VERSION)).one())
            if version == self._version:
                return
            rows = await (await driver_of(connection)).fetch(_SELECT)
        live = {row["host"]: row for row in rows if not row["is_gone"]}
        self._known = {host: _Known(row["workspace_id"], row["is_default"]) for host, row in live.items()}
        self._defaults = {known.workspace_id: host for host, known in self._known.items() if known.is_default}
        self.own = self._base._replace(names=self._base.names | live.keys())
        members = Site.__struct_fields__
        self._changed({row["host"]: msgspec.convert({name: row[name] for name in members}, Site) for row in rows})
        self._version = version
