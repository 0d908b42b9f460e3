"""The service of domains."""

import contextlib
from collections.abc import AsyncIterator

from shortener.domains.lookups import TxtLookup
from shortener.domains.service import DomainService
from shortener.links.parts import DIRECTORY
from shortener.parts import Part, Parts
from shortener.screening.parts import BAN_LIST
from shortener.screening.policy import LinkPolicy
from shortener.stores.parts import REDIS

DOMAINS = Part[DomainService]("domains")


@contextlib.asynccontextmanager
async def open_domains(parts: Parts) -> AsyncIterator[None]:
    settings = parts.settings
    parts[DOMAINS] = DomainService(
        parts[REDIS],
        parts[DIRECTORY],
        LinkPolicy(parts[BAN_LIST], settings),
        TxtLookup(settings.dns_servers),
        settings.base_url,
    )
    yield
