"""The step to links with options, on a filled database, up and down."""

import asyncio

import pytest
from alembic import command

from shortener.stores.migration import alembic_config, upgrade
from tests.migrating import database_before

BEFORE = "20261126_02"


@pytest.fixture
async def before(servers):
    """A database of the version before with links and clicks, and a connection to it."""
    async with database_before(servers, BEFORE) as before:
        await before.connection.execute(
            "INSERT INTO links (code, url)"
            " SELECT 'c' || n, 'https://example.com/' || n FROM generate_series(1, 20000) AS n"
        )
        await before.connection.execute(
            "CREATE TABLE clicks_2026_11 PARTITION OF clicks FOR VALUES FROM ('2026-11-01') TO ('2026-12-01')"
        )
        await before.connection.execute(
            "INSERT INTO clicks (link_id, at, visitor, is_new_visitor, country, referrer_host, referrer, browser,"
            " system, device, user_agent) SELECT n, '2026-11-26', n, true, 'DE', '', '', '', '', '', ''"
            " FROM generate_series(1, 5000) AS n"
        )
        yield before


async def test_links_that_are_there_become_plain_links_and_no_row_is_written_again(before):
    url, connection = before
    file = "SELECT pg_relation_filenode('links'), pg_relation_filenode('clicks_2026_11')"
    written = await connection.fetchrow(file)
    await asyncio.to_thread(upgrade, url)
    assert await connection.fetchrow(file) == written
    plain = "starts_at IS NULL AND max_clicks IS NULL AND options IS NULL AND alias_of IS NULL AND NOT is_archived"
    assert await connection.fetchval(f"SELECT count(*) FROM links WHERE {plain}") == 20_000
    assert await connection.fetchval("SELECT count(*) FROM clicks WHERE rule IS NULL AND variant IS NULL") == 5000


async def test_the_version_before_goes_on_and_down_again_aliases_are_deleted_links(before):
    url, connection = before
    await asyncio.to_thread(upgrade, url)
    # The statement of the version before, to the letter.
    await connection.execute("INSERT INTO links (code, url, title) VALUES ('old', 'https://example.com/', 'Old')")
    await connection.execute(
        "INSERT INTO links (code, url, deleted_at, alias_of) SELECT 'alias', '', now(), id FROM links WHERE code = 'c1'"
    )
    await connection.execute("UPDATE links SET max_clicks = 5, options = '{\"forward_query\": true}' WHERE code = 'c1'")
    await asyncio.to_thread(command.downgrade, alembic_config(url), BEFORE)
    assert await connection.fetchval("SELECT count(*) FROM links WHERE deleted_at IS NULL") == 20_001
    assert await connection.fetchval("SELECT deleted_at IS NOT NULL FROM links WHERE code = 'alias'")
    await asyncio.to_thread(upgrade, url)
    assert await connection.fetchval("SELECT max_clicks IS NULL FROM links WHERE code = 'c1'")
