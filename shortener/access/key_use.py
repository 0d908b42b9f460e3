"""When each API key was last used: noted in memory, written once a minute."""

import asyncio
import uuid

import structlog
from sqlalchemy import text

from shortener.stores.database import Database

log = structlog.get_logger(__name__)

INTERVAL_S = 60.0

# Another process may write the same keys now: what it has locked it writes itself.
_UPDATE = text("""
    WITH used AS (SELECT id FROM api_keys WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE api_keys SET last_used_at = now() FROM used WHERE api_keys.id = used.id
""")


class KeyUse:
    """`used` is what authentication adds to. A process that is killed loses at most a minute of it."""

    def __init__(self, database: Database) -> None:
        self.used: set[uuid.UUID] = set()
        self._database = database

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            await self.write()

    async def write(self) -> None:
        """Keeps what cannot be written for the next time."""
        ids = list(self.used)
        if not ids:
            return
        # In place: authentication holds the set itself.
        self.used.clear()
        try:
            async with self._database.session.begin() as session:
                await session.execute(_UPDATE, {"ids": ids})
        except Exception as error:  # Nothing of the product may depend on what is only looked at.
            log.warning("key_use_not_written", error=repr(error))
            self.used.update(ids)
