"""Jobs of the tables that clicks are written to."""

from typing import Any

from shortener.clicks.partitions import ensure_partitions_ahead
from shortener.stores.database import Database


async def create_partitions(ctx: dict[str, Any]) -> None:
    database: Database = ctx["database"]
    async with database.driver_connection() as connection:
        await ensure_partitions_ahead(connection)
