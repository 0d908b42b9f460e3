"""Redirects go on, and changes are seen, when Redis is away or hangs."""

import asyncio
import statistics
import time

import httpx
import pytest

from shortener.redirect.parts import REDIRECT
from tests.conftest import changed, client_of, create_link, eventually, running_app
from tests.links.test_api import LINKS
from tests.own_valkey import own_valkey
from tests.redirect.test_cache import AFTER, CHANGES, NEW, OLD, seen, two_apps, until_in_memory, until_informed

# As the settings have it when nobody sets anything.
DEFAULTS = {
    "redis_timeout_ms": 50,
    "limit_api": "100/minute",
    "limit_redirect": "1000/minute",
    "limit_miss": "60/minute",
}


async def timed(client: httpx.AsyncClient, path: str) -> tuple[int, float]:
    started_s = time.perf_counter()
    answer = await client.get(path)
    return answer.status_code, time.perf_counter() - started_s


@pytest.fixture
def nowhere(settings):
    """Nothing listens there."""
    return changed(settings, redis_url="redis://127.0.0.1:1/0", **DEFAULTS)


async def test_links_are_created_followed_and_shown_with_no_redis_at_all(nowhere):
    async with running_app(nowhere) as app, client_of(app) as client:
        await create_link(client, OLD, code="abc")
        assert await seen(client) == (302, OLD)
        assert (await client.get("/abc+")).json()["url"] == OLD
        assert (await client.get(LINKS)).json()["total"] == 1
        assert (await client.get("/nowhere")).status_code == 404


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_is_visible_in_every_process_within_a_second_without_redis(nowhere, change):
    async with two_apps(nowhere) as (_, _, client, other_client):
        await create_link(client, OLD, code="abc")
        assert await seen(other_client) == (302, OLD)
        assert (await CHANGES[change](client)).is_success

        async def follows() -> bool:
            return await seen(other_client) == AFTER[change] == await seen(client)

        await eventually(follows, within_s=1)


async def test_a_redis_that_hangs_delays_no_redirect_for_long(settings):
    async with own_valkey() as valkey:
        hanging = changed(settings, redis_url=valkey.url, **DEFAULTS)
        async with running_app(hanging) as app, client_of(app) as client:
            for code in ("warm", "cold"):
                await create_link(client, OLD, code=code)
            await until_informed(app)
            await until_in_memory(app, client, "warm")
            valkey.hang()
            took_s = []
            for path, expected in [("/warm", 302), ("/cold", 302), ("/nowhere", 404)] * 20:
                status, seconds = await timed(client, path)
                assert status == expected
                took_s.append(seconds)
            parallel = await asyncio.gather(*(timed(client, f"/{code}") for code in ["warm", "cold"] * 50))
            assert {status for status, _ in parallel} == {302}
            assert max(took_s + [seconds for _, seconds in parallel]) < 1
            assert statistics.median(took_s) < 0.05


async def test_a_change_is_visible_in_every_process_within_a_second_while_redis_hangs(settings):
    async with own_valkey() as valkey:
        hanging = changed(settings, redis_url=valkey.url, **DEFAULTS)
        async with two_apps(hanging) as (one, other, client, other_client):
            await until_informed(one, other)
            await create_link(client, OLD, code="abc")
            await until_in_memory(one, client, "abc")
            await until_in_memory(other, other_client, "abc")
            valkey.hang()
            change = asyncio.create_task(client.patch(f"{LINKS}/abc", json={"url": NEW}))
            await asyncio.sleep(0)

            async def follows() -> bool:
                return await seen(other_client) == (302, NEW) == await seen(client)

            # A second, from the commit; and what the test itself takes.
            await eventually(follows, within_s=1.3)
            async with asyncio.timeout(2):
                assert (await change).is_success
            for _ in range(20):
                assert await follows()
                await asyncio.sleep(0.02)


async def test_memory_is_trusted_again_once_redis_is_back(settings):
    async with (
        own_valkey() as valkey,
        two_apps(changed(settings, redis_url=valkey.url)) as (one, other, client, other_client),
    ):
        await until_informed(one, other)
        await create_link(client, OLD, code="abc")
        await until_in_memory(other, other_client, "abc")
        await valkey.restart()
        await eventually(lambda: other.state.parts[REDIRECT]._resolver._memory.lifetime_s < 1)
        await until_informed(one, other)
        await until_in_memory(other, other_client, "abc")
        await client.patch(f"{LINKS}/abc", json={"url": NEW})

        async def follows() -> bool:
            return await seen(other_client) == (302, NEW)

        await eventually(follows, within_s=1)
