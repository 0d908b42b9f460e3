"""Clicks and batches for tests, and what became of them."""

import time
from datetime import datetime
from typing import Any

import httpx
from sqlalchemy import text

from shortener.clicks.event import Batch, Click, Mark, new_batch
from shortener.clicks.writer import ClickWriter
from shortener.stores.database import Database
from tests.conftest import CHROME, create_link

_ROWS_AND_COUNTED = "SELECT (SELECT count(*) FROM clicks), (SELECT coalesce(sum(clicks + bots), 0) FROM click_totals)"


def click(link_id: int = 1, at: datetime | None = None, **fields: Any) -> Click:
    """A person's click, now."""
    values: dict[str, Any] = {"address": "203.0.113.7", "user_agent": CHROME, "referrer": "", "mark": Mark.NONE}
    at_s = time.time() if at is None else at.timestamp()
    return Click(link_id, round(at_s * 1000), **(values | fields))


def batch(count: int = 1, link_id: int = 1) -> Batch:
    return new_batch([click(link_id) for _ in range(count)])


async def number_of_rows(database: Database) -> int:
    """Clicks in the database, which must be as many as were counted."""
    async with database.engine.connect() as connection:
        rows, counted = (await connection.execute(text(_ROWS_AND_COUNTED))).one()
    assert rows == counted
    return int(rows)


async def write(database: Database, *batches: Batch, writer: ClickWriter | None = None) -> int:
    async with database.driver_connection() as connection:
        return await (writer or ClickWriter()).write(connection, batches)


async def rows_of(database: Database, sql: str, *args: Any) -> list[tuple[Any, ...]]:
    async with database.driver_connection() as connection:
        return [tuple(row) for row in await connection.fetch(sql, *args)]


async def link_of(client: httpx.AsyncClient, database: Database) -> tuple[str, int]:
    """A new link's code and id."""
    code = (await create_link(client))["code"]
    [(link_id,)] = await rows_of(database, "SELECT id FROM links WHERE code = $1", code)
    return code, link_id
