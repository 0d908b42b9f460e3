"""Connections without SQLAlchemy."""

import pytest
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from shortener.stores.connecting import PlainDatabase, arguments_of
from tests.conftest import changed


@pytest.mark.parametrize(
    "behind",
    [
        "u:p%40%2F@db.example:5433/d?ssl=require",
        "shortener@/shortener?host=/run/it",
        "u@/d?host=/run/it&port=5433",
        "db.example/d",
        "u:p@[::1]:5433/d%20e?prepared_statement_cache_size=0&command_timeout=3",
    ],
)
def test_a_url_is_read_as_sqlalchemy_reads_it(behind):
    url = f"postgresql+asyncpg://{behind}"
    _, expected = dialect().create_connect_args(make_url(url))
    assert arguments_of(url) == {
        name: value for name, value in expected.items() if name != "prepared_statement_cache_size"
    }


async def test_each_connection_is_new_and_closed_behind(settings):
    # A URL's own timeouts change nothing, as with SQLAlchemy.
    database = PlainDatabase(changed(settings, database_url=f"{settings.database_url}&timeout=x&command_timeout=x"))
    async with database.driver_connection() as first, database.driver_connection() as second:
        assert await first.fetchval("SELECT pg_backend_pid()") != await second.fetchval("SELECT pg_backend_pid()")
        assert await first.fetchval("SHOW timezone") == "UTC"
    assert first.is_closed()
    assert second.is_closed()
