"""Merging the search index: one at a time, and in nobody's way."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shortener.settings import Settings
from shortener.stores.database import Database
from tests.conftest import create_link
from workers.alone import alone
from workers.search_index import _LOCK_ID, create_merge_engine, merge


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    engine = create_merge_engine(settings)
    yield engine
    await engine.dispose()


async def test_new_links_are_merged(client: httpx.AsyncClient, engine: AsyncEngine) -> None:
    await create_link(client)
    assert await merge(engine) == 1
    assert await merge(engine) == 0


async def test_nobody_merges_while_another_worker_does(
    client: httpx.AsyncClient, engine: AsyncEngine, database: Database
) -> None:
    await create_link(client)
    async with database.driver_connection() as other:
        await other.execute("SELECT pg_advisory_lock($1)", _LOCK_ID)
        assert await merge(engine) is None
        await other.execute("SELECT pg_advisory_unlock($1)", _LOCK_ID)
    assert await merge(engine) == 1


async def test_a_merge_gives_up_soon_where_somebody_else_holds_the_index(
    engine: AsyncEngine, database: Database
) -> None:
    async with database.driver_connection() as other, other.transaction():
        await other.execute("REINDEX INDEX ix_links_search")
        assert await asyncio.wait_for(merge(engine), 5) is None
    assert await merge(engine) == 0


async def test_a_job_whose_last_run_goes_on_is_left_out_and_comes_again_afterwards() -> None:
    runs, may_end = 0, asyncio.Event()

    @alone
    async def job(_: dict[Any, Any]) -> None:
        nonlocal runs
        runs += 1
        await may_end.wait()

    first = asyncio.create_task(job({}))
    await asyncio.sleep(0)
    await job({})
    assert runs == 1
    may_end.set()
    await first
    await job({})
    assert runs == 2
