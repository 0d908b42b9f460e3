"""What `shortener up` does with the servers before web and worker start."""

import asyncio

from shortener.accounts.commands import FIRST_ADMIN, first_admin_key
from shortener.processes.opened import opened
from shortener.settings import Settings
from shortener.stores.revision import current_revision, head_revision


async def prepare(settings: Settings) -> str:
    """Bring the database to this version's schema; at the very first start also make an admin. Returns what there is to
    tell the operator: nothing, or the admin's key. Raises RedisError, OSError, SQLAlchemyError."""
    async with opened(settings) as servers:
        await servers.redis.ping()
        if await current_revision(servers.database.engine) != head_revision():
            # Alembic is not needed otherwise.
            from shortener.stores.migration import upgrade

            await asyncio.to_thread(upgrade, settings.database_url)
    key = await first_admin_key(settings)
    return "" if key is None else f"First admin's key    {key}\n  of {FIRST_ADMIN}, shown only now"
