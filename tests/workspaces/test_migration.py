"""The step from a version without workspaces, while that version works on."""

import asyncio
import os
import sys

import pytest

from shortener.stores.migration import upgrade
from tests.migrating import database_before

BEFORE, TABLES, INDEX = "20261121_04", "20261121_05", "20261121_05b"
INDEXES = "SELECT indexname FROM pg_indexes WHERE tablename = 'links' AND indexname LIKE '%created_at_id'"


@pytest.fixture
async def before(servers):
    """An empty database of the version before, and a connection to it."""
    async with database_before(servers, BEFORE) as before:
        yield before


async def test_users_get_a_personal_workspace_and_links_no_owner(before):
    url, connection = before
    await connection.execute("INSERT INTO users (email) VALUES ('ada@example.com'), ('bob@example.com')")
    await connection.execute("INSERT INTO links (code, url) VALUES ('abc', 'https://example.com/')")
    await asyncio.to_thread(upgrade, url)
    rows = await connection.fetch(
        "SELECT u.email, m.role, w.id FROM users u JOIN workspaces w ON w.personal_user_id = u.id "
        "JOIN workspace_members m ON m.workspace_id = w.id AND m.user_id = u.id ORDER BY 1"
    )
    assert [(row["email"], row["role"]) for row in rows] == [("ada@example.com", "owner"), ("bob@example.com", "owner")]
    assert rows[0]["id"] != rows[1]["id"]
    assert await connection.fetchval("SELECT workspace_id FROM links") is None


async def test_the_index_is_replaced_while_others_write_and_several_migrate(before):
    url, connection = before
    await asyncio.to_thread(upgrade, url, TABLES)
    writer = await before.connect()
    transaction = writer.transaction()
    await transaction.start()
    await writer.execute("INSERT INTO links (code, url) VALUES ('early', 'https://example.com/')")
    command, env = (sys.executable, "-m", "shortener", "migrate"), os.environ | {"SHORTENER_DATABASE_URL": url}
    migrating = [await asyncio.create_subprocess_exec(*command, env=env) for _ in range(2)]
    # It waits for that transaction, and nobody waits for it.
    while not await connection.fetchval("SELECT count(*) FROM pg_stat_progress_create_index"):
        await asyncio.sleep(0.02)
    await connection.execute("INSERT INTO links (code, url) VALUES ('late', 'https://example.com/')", timeout=2)
    await writer.execute("UPDATE links SET url = 'https://example.org/' WHERE code = 'late'", timeout=2)
    assert [process.returncode for process in migrating] == [None, None]
    await transaction.commit()
    assert [await process.wait() for process in migrating] == [0, 0]
    await writer.close()
    assert [row[0] for row in await connection.fetch(INDEXES)] == ["ix_links_workspace_id_created_at_id"]


async def test_an_index_that_was_given_up_halfway_is_built_again(before):
    url, connection = before
    await asyncio.to_thread(upgrade, url, TABLES)
    await connection.execute("CREATE INDEX ix_links_workspace_id_created_at_id ON links (id)")
    await asyncio.to_thread(upgrade, url)
    assert "(workspace_id, created_at, id)" in await connection.fetchval(
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_links_workspace_id_created_at_id'"
    )
