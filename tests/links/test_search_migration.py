"""The step to a search index over a bounded part of each link, on a filled database, up and down."""

import asyncio

import asyncpg
import pytest
from alembic import command

from shortener.stores.migration import alembic_config, upgrade
from tests.load.bench_create import made_up_url
from tests.migrating import database_before

BEFORE, COLUMN, INDEX = "20261121_09", "20261126_01", "20261126_02"
MOSCOW = "https://ru.wikipedia.org/wiki/%D0%9C%D0%BE%D1%81%D0%BA%D0%B2%D0%B0"
SEARCHED = "SELECT pg_get_indexdef('ix_links_search'::regclass)"
# Exactly what the previous version writes and does.
OLD_INSERT = "INSERT INTO links (code, url, title) VALUES ($1, $2, 'Old title')"
OLD_SEARCH = (
    "SELECT code FROM links WHERE deleted_at IS NULL"
    " AND (code COLLATE \"default\" || chr(10) || url || chr(10) || coalesce(title, '')) ILIKE $1"
)
OLD_MERGE = "SELECT gin_clean_pending_list('ix_links_search')"


@pytest.fixture
async def before(servers):
    """A database of the version before with links in it, and a connection to it."""
    async with database_before(servers, BEFORE) as before:
        urls = [made_up_url() for _ in range(25_000)]
        urls[12_345] = MOSCOW
        await before.connection.copy_records_to_table(
            "links", records=[(f"c{n}", url) for n, url in enumerate(urls)], columns=["code", "url"]
        )
        yield before


async def readable(connection: asyncpg.Connection) -> list[tuple[str, str]]:
    rows = await connection.fetch("SELECT code, readable_url FROM links WHERE readable_url IS NOT NULL ORDER BY code")
    return [tuple(row) for row in rows]


async def test_links_that_are_there_get_their_readable_form_and_the_index_is_bounded(before):
    url, connection = before
    await asyncio.to_thread(upgrade, url)
    assert await readable(connection) == [("c12345", "https://ru.wikipedia.org/wiki/Москва")]
    assert '"left"(url, 256)' in await connection.fetchval(SEARCHED)
    assert await connection.fetchval("SELECT count(*) FROM links") == 25_000


async def test_the_version_before_goes_on_creating_searching_and_merging(before):
    url, connection = before
    for revision in (COLUMN, INDEX):
        await asyncio.to_thread(upgrade, url, revision)
        await connection.execute(OLD_INSERT, f"new-{revision}", "https://example.com/needle")
        assert [row[0] for row in await connection.fetch(OLD_SEARCH, f"%new-{revision}%needle%old title%")] == [
            f"new-{revision}"
        ]
        assert await connection.fetchval(OLD_MERGE) > 0


async def test_both_steps_can_be_undone_and_those_that_were_cut_short_run_again(before):
    url, connection = before
    await asyncio.to_thread(upgrade, url)
    config = alembic_config(url)
    await asyncio.to_thread(command.downgrade, config, BEFORE)
    assert '"left"' not in await connection.fetchval(SEARCHED)
    columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'readable_url'"
    assert await connection.fetchval(columns) == 0
    # As if the second run had ended with the column half filled, and with an index between its two names.
    await connection.execute("ALTER TABLE links ADD COLUMN readable_url text")
    await connection.execute("ALTER INDEX ix_links_search RENAME TO ix_links_search_new")
    await asyncio.to_thread(upgrade, url)
    assert [code for code, _ in await readable(connection)] == ["c12345"]
    assert '"left"(url, 256)' in await connection.fetchval(SEARCHED)
    assert not await connection.fetchval("SELECT to_regclass('ix_links_search_new')")
