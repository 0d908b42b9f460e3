"""The step to groups of links, on a filled database, up and down."""

import asyncio

import pytest
from alembic import command

from shortener.stores.migration import alembic_config, upgrade
from tests.migrating import database_before

BEFORE = "20261126_09"
COUNTS = "INSERT INTO click_counts_daily (link_id, start, clicks, visitors, bots) SELECT {}, '2026-11-26', 1, 1, 0"


@pytest.fixture
async def before(servers):
    async with database_before(servers, BEFORE) as before:
        await before.connection.execute(f"{COUNTS.format('n')} FROM generate_series(1, 5000) AS n")
        yield before


async def test_counts_of_links_stay_and_those_of_groups_go_with_the_step_back(before):
    url, connection = before
    await asyncio.to_thread(upgrade, url)
    await connection.execute("INSERT INTO figure_groups (kind, key) VALUES ('workspace', '')")
    await connection.execute(COUNTS.format("-1"))
    # The statement of the version before.
    await connection.execute(COUNTS.format("5001"))
    await asyncio.to_thread(command.downgrade, alembic_config(url), BEFORE)
    assert await connection.fetchval("SELECT count(*) FROM click_counts_daily") == 5001
    assert await connection.fetchval("SELECT min(link_id) FROM click_counts_daily") == 1
    await asyncio.to_thread(upgrade, url)
    assert await connection.fetchval("SELECT count(*) FROM click_counts_daily") == 5001
