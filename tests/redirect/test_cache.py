"""Where a redirect finds its link: memory, then Redis, then Postgres; and that no level keeps what has changed."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from shortener.redirect.cache import MARK_MS, Absent, Cached, TargetCache, evict, key_of, unpack
from shortener.redirect.parts import REDIRECT
from shortener.redirect.target import Target
from shortener.stores.redis import RedisGuard
from tests.conftest import changed, client_of, create_link, eventually, running_app
from tests.links.test_api import LINKS

OLD, NEW = "https://example.com/old", "https://example.org/new"
TARGET = Target(1, OLD)


class Selects:
    """Counts, for each code, how often Postgres was asked; `hold` delays what it has answered."""

    def __init__(self, app: FastAPI) -> None:
        resolver = app.state.parts[REDIRECT]._resolver
        self._ask = resolver._from_database
        resolver._from_database = self._count
        self.asked: Counter[str] = Counter()
        self.statements = 0
        self.hold: asyncio.Event | None = None

    async def _count(self, codes):
        self.asked.update(codes)
        self.statements += 1
        answer = await self._ask(codes)
        if self.hold is not None:
            await self.hold.wait()
        return answer


def in_memory(app: FastAPI, code: str) -> Target | Absent | None:
    return app.state.parts[REDIRECT]._resolver.peek(code)


async def until_informed(*apps: FastAPI) -> None:
    for app in apps:
        await eventually(lambda app=app: app.state.parts[REDIRECT]._resolver._memory.lifetime_s > 1)


async def until_in_memory(app: FastAPI, client: httpx.AsyncClient, code: str) -> None:
    async def check() -> bool:
        await client.get(f"/{code}")
        return in_memory(app, code) is not None

    await eventually(check)


async def mgets(redis) -> int:
    return (await redis.info("commandstats")).get("cmdstat_mget", {"calls": 0})["calls"]


@pytest.fixture
async def selects(app) -> Selects:
    await until_informed(app)
    return Selects(app)


async def forget_mark(redis, code: str) -> None:
    await redis.delete(key_of(code))


async def test_a_link_is_read_from_postgres_once(client, selects, redis):
    await create_link(client, OLD, code="abc")
    await forget_mark(redis, "abc")
    for _ in range(5):
        assert (await client.get("/abc")).headers["location"] == OLD
    assert selects.asked == {"abc": 1}


async def test_redis_holds_it_for_other_processes(client, app, redis, settings):
    await create_link(client, OLD, code="abc")
    await forget_mark(redis, "abc")
    await client.get("/abc")
    async with running_app(settings) as other, client_of(other) as other_client:
        selects = Selects(other)
        assert (await other_client.get("/abc")).headers["location"] == OLD
        assert selects.statements == 0


async def test_memory_answers_without_redis(app, client, redis):
    await until_informed(app)
    await create_link(client, OLD, code="abc")
    await until_in_memory(app, client, "abc")
    asked = await mgets(redis)
    for _ in range(20):
        await client.get("/abc")
    assert await mgets(redis) == asked


async def test_a_code_that_does_not_exist_costs_redis_nothing_the_second_time(app, client, redis):
    await until_informed(app)
    await client.get("/nowhere")
    asked = await mgets(redis)
    assert asked > 0
    for _ in range(20):
        await client.get("/nowhere")
    assert await mgets(redis) == asked


async def test_a_missing_code_is_remembered_briefly(client, selects, redis, settings):
    for _ in range(5):
        assert (await client.get("/nowhere")).status_code == 404
    assert selects.asked == {"nowhere": 1}
    left_ms = await redis.pttl(key_of("nowhere"))
    assert 0 < left_ms <= settings.cache_missing_ttl_s * 1100


async def test_a_remembered_absence_ends_with_the_creation_of_the_link(client, selects):
    assert (await client.get("/abc")).status_code == 404
    await create_link(client, OLD, code="abc")
    assert (await client.get("/abc")).headers["location"] == OLD


async def test_lifetimes_differ_so_that_links_cached_together_do_not_expire_together(client, redis, settings, selects):
    codes = [(await create_link(client))["code"] for _ in range(40)]
    await redis.delete(*map(key_of, codes))
    await asyncio.gather(*(client.get(f"/{code}") for code in codes))
    left_s = [await redis.pttl(key_of(code)) / 1000 for code in codes]
    assert all(0.89 * settings.cache_ttl_s < left <= 1.1 * settings.cache_ttl_s for left in left_s)
    assert max(left_s) - min(left_s) > 0.05 * settings.cache_ttl_s


async def test_however_many_wait_for_a_code_postgres_is_asked_once(client, selects, redis):
    await create_link(client, OLD, code="abc")
    await forget_mark(redis, "abc")
    selects.hold = asyncio.Event()
    waiting = [asyncio.create_task(client.get(path)) for path in ["/abc", "/nowhere"] * 100]
    await eventually(lambda: selects.statements)
    waiting += [asyncio.create_task(client.get("/abc")) for _ in range(100)]
    await asyncio.sleep(0.05)
    selects.hold.set()
    answers = await asyncio.gather(*waiting)
    assert Counter(answer.status_code for answer in answers) == {302: 200, 404: 100}
    assert selects.asked == {"abc": 1, "nowhere": 1}


async def test_codes_missed_at_the_same_moment_share_a_round_trip_to_redis_and_a_statement(client, selects, redis):
    asked = await mgets(redis)
    await asyncio.gather(*(client.get(f"/code{i}") for i in range(50)))
    assert len(selects.asked) == 50
    assert selects.statements < 10
    assert await mgets(redis) - asked < 10


async def test_a_client_that_goes_away_does_not_take_the_refill_with_it(client, selects):
    selects.hold = asyncio.Event()
    first, second = (asyncio.create_task(client.get("/abc")) for _ in range(2))
    await eventually(lambda: selects.statements)
    first.cancel()
    await asyncio.sleep(0)
    selects.hold.set()
    assert (await second).status_code == 404
    assert selects.asked == {"abc": 1}


CHANGES = {
    "edit": lambda client: client.patch(f"{LINKS}/abc", json={"url": NEW}),
    "disabling": lambda client: client.patch(f"{LINKS}/abc", json={"disabled": True}),
    "deletion": lambda client: client.delete(f"{LINKS}/abc"),
}
AFTER = {"edit": (302, NEW), "disabling": (410, None), "deletion": (410, None)}


async def seen(client: httpx.AsyncClient) -> tuple[int, str | None]:
    answer = await client.get("/abc")
    return answer.status_code, answer.headers.get("location")


@contextlib.asynccontextmanager
async def two_apps(settings) -> AsyncIterator[tuple[FastAPI, FastAPI, httpx.AsyncClient, httpx.AsyncClient]]:
    async with (
        running_app(settings) as one,
        running_app(settings) as other,
        client_of(one) as client,
        client_of(other) as other_client,
    ):
        yield one, other, client, other_client


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_is_visible_in_every_process_within_a_second(settings, change):
    async with two_apps(settings) as (one, other, client, other_client):
        await until_informed(one, other)
        await create_link(client, OLD, code="abc")
        await until_in_memory(one, client, "abc")
        await until_in_memory(other, other_client, "abc")
        assert (await CHANGES[change](client)).is_success
        assert await seen(client) == AFTER[change]

        async def follows() -> bool:
            return await seen(other_client) == AFTER[change]

        await eventually(follows, within_s=1)
        assert [await seen(other_client) for _ in range(20)] == [AFTER[change]] * 20


async def test_only_a_change_takes_a_link_out_of_memory(app, client, redis):
    await until_informed(app)
    await create_link(client, OLD, code="abc")
    await create_link(client, OLD, code="other")
    await until_in_memory(app, client, "abc")
    await until_in_memory(app, client, "other")
    await redis.pexpire(key_of("abc"), 1)
    await redis.flushall()
    # Reports come in order: when this has come, so have all of before.
    await evict(redis, ["other"])
    await eventually(lambda: in_memory(app, "other") is None, within_s=1)
    assert in_memory(app, "abc") is not None


async def test_memory_is_bounded(settings):
    async with running_app(changed(settings, cache_memory_size=10)) as app, client_of(app) as client:
        codes = [(await create_link(client))["code"] for _ in range(20)]
        await asyncio.gather(*(client.get(f"/{code}") for code in [*codes, *(f"code{i}" for i in range(100))]))
        memory = app.state.parts[REDIRECT]._resolver._memory
        assert (len(memory._targets), len(memory._missing)) == (10, 2)


async def test_asking_for_codes_that_do_not_exist_drives_no_link_out_of_memory(settings):
    async with running_app(changed(settings, cache_memory_size=10)) as app, client_of(app) as client:
        await until_informed(app)
        await create_link(client, OLD, code="abc")
        await until_in_memory(app, client, "abc")
        await asyncio.gather(*(client.get(f"/code{i}") for i in range(100)))
        assert in_memory(app, "abc") is not None


async def test_a_refill_that_was_read_before_a_change_is_not_stored_after_it(settings, client, redis):
    await create_link(client, OLD, code="abc")
    await forget_mark(redis, "abc")
    async with running_app(settings) as slow, client_of(slow) as slow_client:
        await until_informed(slow)
        selects = Selects(slow)
        selects.hold = asyncio.Event()
        late = asyncio.create_task(slow_client.get("/abc"))
        await eventually(lambda: selects.statements)
        await client.patch(f"{LINKS}/abc", json={"url": NEW})
        selects.hold.set()
        assert (await late).headers["location"] == OLD
        selects.hold = None

        async def follows() -> bool:
            return await seen(slow_client) == (302, NEW)

        await eventually(follows, within_s=1)
        assert await redis.get(key_of("abc")) == b"\xc1"
        assert await seen(client) == (302, NEW)


async def test_a_change_reported_during_a_load_keeps_the_old_value_out_of_memory(app, client, selects):
    selects.hold = asyncio.Event()
    late = asyncio.create_task(client.get("/abc"))
    await eventually(lambda: selects.statements)
    app.state.parts[REDIRECT]._resolver.forget(["abc"])
    selects.hold.set()
    await late
    assert in_memory(app, "abc") is None


async def read(cache: TargetCache, redis, codes: list[str]) -> dict[str, Cached]:
    return cache.read(codes, await redis.execute_command(*cache.question(codes)))


@pytest.fixture
def cache(redis) -> TargetCache:
    return TargetCache(redis, RedisGuard(2), ttl_s=100, missing_ttl_s=10)


async def test_a_fill_after_an_eviction_stores_nothing_while_the_mark_lasts(cache, redis):
    await cache.fill({"abc": TARGET})
    await evict(redis, ["abc"])
    await cache.fill({"abc": TARGET})
    assert await read(cache, redis, ["abc"]) == {}
    assert MARK_MS - 1000 < await redis.pttl(key_of("abc")) <= MARK_MS
    await redis.delete(key_of("abc"))
    await cache.fill({"abc": TARGET})
    assert await read(cache, redis, ["abc"]) == {"abc": TARGET}


async def test_what_another_program_wrote_is_asked_for_anew(cache, redis):
    for value in (b"x", b"\x93", b"[]", b"\xc1", b"\x92\xa1x\x01"):
        await redis.set(key_of("abc"), value)
        assert await read(cache, redis, ["abc", "other"]) == {}
    await cache.fill({"other": Absent.MISSING})
    assert await read(cache, redis, ["abc", "other"]) == {"other": Absent.MISSING}


async def test_a_target_survives_redis_whole(cache, redis):
    target = Target(2**40, OLD, expires_at_s=1.5, is_disabled=True, is_deleted=True)
    await cache.fill({"abc": target})
    assert unpack(await redis.get(key_of("abc"))) == target
