"""Jobs of the tables that clicks are written to."""

from typing import Any

from shortener.clicks.partitions import ensure_partitions_ahead
from shortener.parts import Parts
from shortener.stores.parts import DATABASE


async def create_partitions(ctx: dict[str, Any]) -> None:
    parts: Parts = ctx["parts"]
    database = parts[DATABASE]
    async with database.driver_connection() as connection:
        await ensure_partitions_ahead(connection)
