"""Engines (the writer and an optional read replica), sessions, and the base of all tables."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, ClassVar

import asyncpg
from sqlalchemy import DateTime, MetaData, event, text
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

from shortener.settings import Settings
from shortener.stores.connecting import CONNECT_TIMEOUT_S, STATEMENT_TIMEOUT_S, own_arguments

# A connection used this recently is taken to be alive.
PING_AFTER_S = 1.0
_USED_AT_S = "used_at_s"
# Key of the request in a session's `info`, for the audit log.
REQUEST_KEY = "request"
_BEGIN = text("SELECT")


class Base(DeclarativeBase):
    # Moments have a time zone in every table.
    type_annotation_map: ClassVar = {datetime: DateTime(timezone=True)}
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def create_engine(url: str, pool_size: int, statement_timeout_s: float = STATEMENT_TIMEOUT_S) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=CONNECT_TIMEOUT_S,
        # Errors are logged, and parameters may be personal data.
        hide_parameters=True,
        connect_args=own_arguments(statement_timeout_s),
    )
    _check_what_was_idle(engine)
    return engine


def _check_what_was_idle(engine: AsyncEngine) -> None:
    """Replaces `pool_pre_ping`, whose three round trips per checkout are half of those of most requests."""
    dialect = engine.dialect

    @event.listens_for(engine.sync_engine, "checkin")
    def note(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT_S] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def check(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        used_at_s = record.info.get(_USED_AT_S)
        if used_at_s is None:  # A new connection.
            return
        # A connection that the server has closed is detected without a query.
        if not connection.driver_connection.is_closed():
            if time.monotonic() - used_at_s < PING_AFTER_S:
                return
            with suppress(dialect.loaded_dbapi.Error):
                dialect.do_ping(connection)
                return
        raise InvalidatePoolError


async def driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    """asyncpg's connection. Its statements are part of a transaction only after SQLAlchemy has begun one."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, asyncpg.Connection)
    return driver


async def driver_in(session: AsyncSession) -> asyncpg.Connection:
    """asyncpg's connection in the session's transaction, which SQLAlchemy begins with its first statement only."""
    await session.execute(_BEGIN)
    return await driver_of(await session.connection())


class Database:
    """The writer and the reader; both are the same engine when no replica is set."""

    def __init__(self, settings: Settings) -> None:
        self.engine = create_engine(settings.database_url, settings.database_pool_size)
        self.replica = (
            create_engine(settings.database_replica_url, settings.database_pool_size)
            if settings.database_replica_url
            else self.engine
        )
        self.session = async_sessionmaker(self.engine, expire_on_commit=False)
        self.replica_session = async_sessionmaker(self.replica, expire_on_commit=False)

    @asynccontextmanager
    async def driver_connection(self) -> AsyncIterator[asyncpg.Connection]:
        """The writer's asyncpg connection itself, for what SQLAlchemy has no words for (COPY) or where
        its 0.8 ms a statement would be felt (the redirect's miss)."""
        async with self.engine.connect() as connection:
            yield await driver_of(connection)

    def connections_in_use(self) -> dict[str, int]:
        """Pools by server; the replica only if there is one."""
        engines = {"primary": self.engine} | ({} if self.replica is self.engine else {"replica": self.replica})
        return {name: engine.pool.checkedout() for name, engine in engines.items()}  # type: ignore[attr-defined]

    async def close(self) -> None:
        await self.replica.dispose()
        await self.engine.dispose()
