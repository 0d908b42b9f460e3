"""The worker's sweep over changed links: no cache keeps an old link for longer than Redis was down."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shortener.settings import Settings
from shortener.stores.database import Database
from shortener.stores.parts import DATABASE, REDIS
from shortener.stores.redis import create_redis
from tests.clicks.make import rows_of
from tests.conftest import create_link, eventually, job_context
from tests.own_valkey import own_valkey
from workers.links import evict_changed


@pytest.fixture
def ctx(settings: Settings, database: Database, redis: Redis) -> dict[str, Any]:
    return job_context(settings, {DATABASE: database, REDIS: redis})


async def location(client: httpx.AsyncClient, code: str) -> str | None:
    return (await client.get(f"/{code}")).headers.get("location")


async def change_without_evicting(database: Database, code: str, url: str) -> None:
    await rows_of(database, "UPDATE links SET url = $1, updated_at = now() WHERE code = $2", url, code)


async def test_a_change_whose_eviction_failed_is_evicted_by_the_sweep(
    client: httpx.AsyncClient, database: Database, ctx: dict[str, Any]
) -> None:
    codes = [(await create_link(client, f"https://example.com/{n}"))["code"] for n in range(3)]
    for code in codes:
        await location(client, code)
    await change_without_evicting(database, codes[0], "https://example.org/changed")
    await rows_of(database, "UPDATE links SET deleted_at = now(), updated_at = now() WHERE code = $1", codes[1])
    assert await location(client, codes[0]) == "https://example.com/0"
    assert await evict_changed(ctx) == 2

    async def is_changed() -> bool:
        return await location(client, codes[0]) == "https://example.org/changed"

    async def is_gone() -> bool:
        return (await client.get(f"/{codes[1]}")).status_code == 410

    await eventually(is_changed, within_s=1)
    await eventually(is_gone, within_s=1)
    assert await location(client, codes[2]) == "https://example.com/2"


async def test_links_that_did_not_change_are_not_evicted(client: httpx.AsyncClient, ctx: dict[str, Any]) -> None:
    for _ in range(3):
        await create_link(client)
    assert await evict_changed(ctx) == 0


async def test_a_sweep_looks_back_to_the_last_one_that_worked(
    client: httpx.AsyncClient, database: Database, redis: Redis, ctx: dict[str, Any]
) -> None:
    code = (await create_link(client))["code"]
    await rows_of(
        database,
        "UPDATE links SET created_at = $1, updated_at = $2 WHERE code = $3",
        datetime.now(UTC) - timedelta(days=2),
        datetime.now(UTC) - timedelta(minutes=5),
        code,
    )
    async with own_valkey() as valkey:
        other = create_redis(valkey.url, socket_timeout=0.2)
        ctx["parts"][REDIS] = other
        assert await evict_changed(ctx) == 1
        assert await evict_changed(ctx) == 0
        await change_without_evicting(database, code, "https://example.org/")
        valkey.hang()
        with pytest.raises(RedisError):
            await evict_changed(ctx)
        valkey.go_on()
        assert await evict_changed(ctx) == 1
        await other.aclose()
