"""Databases of versions before, for tests of migrations."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import NamedTuple

import asyncpg

from shortener.stores.migration import upgrade
from tests.conftest import Servers

_NAME = "test_migration"


class Before(NamedTuple):
    """A database, and a connection to it."""

    url: str
    connection: asyncpg.Connection

    async def connect(self) -> asyncpg.Connection:
        """One more connection."""
        return await asyncpg.connect(host=self.url.partition("host=")[2], user="shortener", database=_NAME)


@contextlib.asynccontextmanager
async def database_before(servers: Servers, revision: str) -> AsyncIterator[Before]:
    """An empty database with the schema of this revision."""
    host = servers.template_url.partition("host=")[2]
    admin = await asyncpg.connect(host=host, user="shortener", database="postgres")
    await admin.execute(f"DROP DATABASE IF EXISTS {_NAME} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {_NAME}")
    url = re.sub(r"/shortener\?", f"/{_NAME}?", servers.template_url)
    await asyncio.to_thread(upgrade, url, revision)
    connection = await asyncpg.connect(host=host, user="shortener", database=_NAME)
    yield Before(url, connection)
    await connection.close()
    await admin.execute(f"DROP DATABASE {_NAME} WITH (FORCE)")
    await admin.close()
