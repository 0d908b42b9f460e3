"""Prepares the servers in `shortener up` before web and worker start."""

import asyncio

from shortener.accounts.commands import FIRST_ADMIN, first_admin_key
from shortener.processes.command_line import servers
from shortener.settings import Settings
from shortener.stores.fixed_settings import fix_settings
from shortener.stores.parts import DATABASE, REDIS
from shortener.stores.revision import current_revision, head_revision


async def prepare(settings: Settings) -> str:
    """Migrate the database to this version's schema; at the very first start also create an admin. Returns a text for
    the operator: empty, or the admin's key.

    Raises SettingIsFixed, RedisError, OSError, SQLAlchemyError, asyncpg.PostgresError.
    """
    async with servers(settings) as parts:
        await parts[REDIS].ping()
        if await current_revision(parts[DATABASE]) != head_revision():
            # Imported late: Alembic is not needed otherwise.
            from shortener.stores.migration import upgrade

            await asyncio.to_thread(upgrade, settings.database_url)
        await fix_settings(parts[DATABASE], settings)
    key = await first_admin_key(settings)
    return "" if key is None else f"First admin's key    {key}\n  of {FIRST_ADMIN}, shown only now"
