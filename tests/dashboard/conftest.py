"""Pages as browsers ask for them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from shortener.settings import Settings
from shortener.stores.database import Database
from tests.accounts.conftest import EMAIL, PASSWORD, register
from tests.conftest import changed, client_of, running_app

# What browsers send with the forms of our own pages.
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def page(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on a machine where nobody has to log in."""
    async with client_of(app, headers=OWN | {"Accept": "text/html", "Accept-Language": "en"}) as client:
        yield client


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[FastAPI]:
    """An app where people log in."""
    async with running_app(
        changed(settings, registration="open", anonymous_links=False, anonymous_manage=False)
    ) as app:
        yield app


async def log_in(
    client: httpx.AsyncClient, email: str = EMAIL, password: str = PASSWORD, **fields: str
) -> httpx.Response:
    return await client.post("/-/login", data={"email": email, "password": password, **fields})


@pytest.fixture
async def visitor(server: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is not logged in; Ada has an account."""
    async with client_of(server, headers=OWN | {"Accept": "text/html"}) as client:
        await register(client)
        yield client


@pytest.fixture
async def ada(visitor: httpx.AsyncClient) -> httpx.AsyncClient:
    """Ada's browser."""
    assert (await log_in(visitor)).status_code == 303
    return visitor


_CONTENT = "SELECT coalesce(md5(string_agg(row::text, '|' ORDER BY row::text)), '') FROM {} AS row"
# A process writes its fixed settings a moment after its start.
_TABLES = """
    SELECT quote_ident(tablename) FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'fixed_settings' ORDER BY 1
"""


async def contents(database: Database) -> dict[str, Any]:
    """A digest of each table: equal as long as nothing has changed."""
    async with database.driver_connection() as connection:
        tables = [record[0] for record in await connection.fetch(_TABLES)]
        return {table: await connection.fetchval(_CONTENT.format(table)) for table in tables}
