"""When each API key was last used: collected in memory, written once per minute."""

import asyncio
import uuid

import structlog
from sqlalchemy import text

from shortener.stores.database import Database

log = structlog.get_logger(__name__)

INTERVAL_S = 60.0

# Another process may be writing the same keys: skip those that it has locked.
_UPDATE = text("""
    WITH used AS (SELECT id FROM api_keys WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE api_keys SET last_used_at = now() FROM used WHERE api_keys.id = used.id
""")


class KeyUse:
    """Authentication adds to `used`. A process that is killed loses at most a minute of it."""

    def __init__(self, database: Database) -> None:
        self.used: set[uuid.UUID] = set()
        self._database = database

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            await self.write()

    async def write(self) -> None:
        """If the database fails, the keys stay for the next time."""
        ids = list(self.used)
        if not ids:
            return
        # In place, because authentication holds this set object.
        self.used.clear()
        try:
            async with self._database.session.begin() as session:
                await session.execute(_UPDATE, {"ids": ids})
        except Exception as error:  # The last use is only informative: its failure must not stop anything.
            log.warning("key_use_not_written", error=repr(error))
            self.used.update(ids)
