"""The step to more dimensions of a click, on a filled database, up and down."""

import asyncio

import pytest
from alembic import command

from shortener.clicks.writer import COLUMNS
from shortener.stores.migration import alembic_config, upgrade
from tests.migrating import database_before

BEFORE, STEP = "20261126_04", "20261126_05"
NEW = ("city", "language", "utm_source", "utm_medium", "utm_campaign", "source")
OF_BEFORE = ", ".join(name for name in COLUMNS if name not in NEW)
CLICKS = f"INSERT INTO clicks ({OF_BEFORE}) SELECT n, '2026-11-26', n, true, NULL, 'DE', '', '', '', '', '', '' "


@pytest.fixture
async def before(servers):
    async with database_before(servers, BEFORE) as before:
        await before.connection.execute(
            "CREATE TABLE clicks_202611 PARTITION OF clicks FOR VALUES FROM ('2026-11-01') TO ('2026-12-01')"
        )
        await before.connection.execute(f"{CLICKS}, NULL, NULL FROM generate_series(1, 5000) AS n")
        yield before


async def test_clicks_that_are_there_stay_and_the_version_before_goes_on_writing(before):
    url, connection = before
    file = "SELECT pg_relation_filenode('clicks_202611')"
    written = await connection.fetchval(file)
    await asyncio.to_thread(upgrade, url)
    assert await connection.fetchval(file) == written
    await connection.execute(f"{CLICKS}, NULL, NULL FROM generate_series(1, 10) AS n")
    unknown = " AND ".join(f"{name} IS NULL" for name in NEW)
    assert await connection.fetchval(f"SELECT count(*) FROM clicks WHERE {unknown}") == 5010
    await connection.execute("UPDATE clicks SET language = 'de' WHERE link_id = 1")
    await asyncio.to_thread(command.downgrade, alembic_config(url), BEFORE)
    assert await connection.fetchval("SELECT count(*) FROM clicks") == 5010
    await asyncio.to_thread(command.upgrade, alembic_config(url), STEP)
