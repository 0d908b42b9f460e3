"""Connections to PostgreSQL without SQLAlchemy, which takes a command longer to import than all that it asks."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg

from shortener.settings import Settings

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 30


# Parameters that SQLAlchemy takes out of a URL.
_OF_SQLALCHEMY = ("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback")


def own_arguments(statement_timeout_s: float = STATEMENT_TIMEOUT_S) -> dict[str, Any]:
    """Arguments of `asyncpg.connect` that no URL changes."""
    return {
        "timeout": CONNECT_TIMEOUT_S,
        "command_timeout": statement_timeout_s,
        "server_settings": {"application_name": "shortener", "timezone": "UTC"},
    }


def arguments_of(url: str) -> dict[str, Any]:
    """The arguments of `asyncpg.connect` that SQLAlchemy reads from this URL, whose query may have any of them."""
    parts = urlsplit(url)
    found: dict[str, Any] = {
        "user": parts.username and unquote(parts.username),
        "password": parts.password and unquote(parts.password),
        "host": parts.hostname,
        "port": parts.port,
        "database": unquote(parts.path.removeprefix("/")),
    }
    query: dict[str, Any] = {name: value for name, value in parse_qsl(parts.query) if name not in _OF_SQLALCHEMY}
    if "port" in query:
        query["port"] = int(query["port"])
    return {name: value for name, value in found.items() if value} | query


class Connecting(Protocol):
    """What gives asyncpg's connections: a `Database`, with its pool, or `PlainDatabase`."""

    def driver_connection(self) -> AbstractAsyncContextManager[asyncpg.Connection]: ...


class PlainDatabase:
    """Opens a connection whenever one is asked for."""

    def __init__(self, settings: Settings) -> None:
        self._arguments = arguments_of(settings.database_url) | own_arguments()

    @asynccontextmanager
    async def driver_connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Raises errors of asyncpg, OSError, TimeoutError."""
        connection = await asyncpg.connect(**self._arguments)
        try:
            yield connection
        finally:
            await connection.close()
