"""What admins can ban."""

import contextlib
from collections.abc import AsyncIterator

from shortener.access.parts import REVOCATIONS
from shortener.links.parts import EVICTION
from shortener.moderation.bans import BanService
from shortener.parts import Part, Parts
from shortener.screening.parts import BAN_LIST
from shortener.stores.parts import REDIS

BANS = Part[BanService]("bans")


@contextlib.asynccontextmanager
async def open_bans(parts: Parts) -> AsyncIterator[None]:
    parts[BANS] = BanService(
        parts[REDIS], parts[BAN_LIST], parts[REVOCATIONS], parts[EVICTION], parts.settings.stored_code
    )
    yield
