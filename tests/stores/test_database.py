"""Connections to the database: kept while they live, and never handed out dead."""

import asyncpg
import pytest

from shortener.stores import database as module
from shortener.stores.database import Database
from tests.conftest import eventually


@pytest.fixture
def pings(database, monkeypatch) -> list[object]:
    seen: list[object] = []
    ping = database.engine.dialect.do_ping
    monkeypatch.setattr(
        database.engine.dialect, "do_ping", lambda connection: seen.append(connection) or ping(connection)
    )
    return seen


async def backend(database: Database) -> int:
    """The process that serves the next connection of the pool."""
    async with database.driver_connection() as connection:
        return await connection.fetchval("SELECT pg_backend_pid()")


@pytest.fixture
async def closed_by_the_server(database) -> int:
    """It served the only connection in the pool."""
    async with database.driver_connection() as connection:
        pid = await connection.fetchval("SELECT pg_backend_pid()")
    other = await asyncpg.connect(database.engine.url.set(drivername="postgresql").render_as_string(False))
    assert await other.fetchval("SELECT pg_terminate_backend($1)", pid)
    await other.close()
    await eventually(connection.is_closed)
    return pid


async def test_a_connection_that_was_just_used_is_used_again_without_asking(database, pings):
    first = await backend(database)
    assert [await backend(database) for _ in range(5)] == [first] * 5
    assert pings == []


async def test_a_connection_that_was_idle_is_asked(database, pings, monkeypatch):
    first = await backend(database)
    monkeypatch.setattr(module, "PING_AFTER_S", 0)
    assert await backend(database) == first
    assert len(pings) == 1


async def test_a_connection_that_the_server_has_closed_is_not_handed_out(database, closed_by_the_server, pings):
    assert await backend(database) != closed_by_the_server
    assert pings == []


async def test_a_connection_that_died_in_silence_is_not_handed_out(database, closed_by_the_server, pings, monkeypatch):
    """As behind a firewall that forgets: only an answer would tell."""
    monkeypatch.setattr(asyncpg.Connection, "is_closed", lambda _: False)
    monkeypatch.setattr(module, "PING_AFTER_S", 0)
    assert await backend(database) != closed_by_the_server
    assert len(pings) == 1
