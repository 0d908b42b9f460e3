"""Alembic's environment: asyncpg, one migration run at a time, and no waiting for locks behind live traffic."""

import asyncio
import importlib
import pkgutil
import time

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

import shortener
from shortener.settings import get_settings
from shortener.stores.database import Base

# A table is known once its module is imported.
for module in pkgutil.walk_packages(shortener.__path__, "shortener."):
    if module.name.endswith(".models"):
        importlib.import_module(module.name)

ADVISORY_LOCK_ID = 7_236_001
LOCK_TIMEOUT = "5s"
LOCK_POLL_S = 0.1


def include_name(name: str | None, type_: str, _: object) -> bool:
    """Partitions come and go with time; they are not the schema."""
    return not (type_ == "table" and name is not None and name.startswith(("clicks_2", "click_visitors_2")))


def include_object(_object: object, name: str | None, _type: str, _reflected: bool, _other: object) -> bool:
    """Alembic compares expressions of indexes as texts, which PostgreSQL writes in its own way."""
    return name not in ("ix_links_title", "ix_links_short")


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=include_name,
        include_object=include_object,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    # Held by the session until it ends, across the transactions of the single migrations.
    # Asked for again and again: who waits within a statement is waited for by an index that is built concurrently.
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:id)"), {"id": ADVISORY_LOCK_ID}):
        connection.commit()
        time.sleep(LOCK_POLL_S)
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.commit()
    with context.begin_transaction():
        context.run_migrations()


async def run_async() -> None:
    url = context.config.attributes.get("database_url") or get_settings().database_url
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(run_async())
