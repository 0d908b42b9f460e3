"""A limit of clicks is exact: never more people get the destination, and no fewer, whatever fails in between."""

import asyncio

import asyncpg
import httpx
import pytest

from shortener.redirect import quotas
from shortener.stores.parts import DATABASE, REDIS
from tests.conftest import changed, client_of, create_link, eventually, running_app
from tests.links.test_api import LINKS, assert_problem
from tests.own_valkey import own_valkey
from tests.redirect.test_cache import two_apps

URL = "https://example.com/secret-offer"
ELSEWHERE = "https://elsewhere.example/"
PREVIEW_AGENT = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"


async def followed(count: int, *clients: httpx.AsyncClient, path: str = "/abc") -> int:
    """How many of these requests at once were led to the destination."""
    answers = await asyncio.gather(*(clients[n % len(clients)].get(path) for n in range(count)))
    assert {answer.status_code for answer in answers} <= {302, 410}
    return sum(answer.headers.get("location") == URL for answer in answers)


async def used(settings) -> int:
    connection = await asyncpg.connect(settings.database_url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval("SELECT used FROM click_limits")
    finally:
        await connection.close()


async def test_a_hundred_at_once_on_ten_left_get_ten_with_several_processes(settings):
    async with two_apps(settings) as (_, _, client, other):
        await create_link(client, URL, code="abc", max_clicks=10)
        assert await followed(100, client, other) == 10
        assert_problem(await client.get("/abc"), 410, "link-gone")
        assert await followed(20, client, other) == 0


async def test_clicks_before_the_limit_was_set_count(client, drain):
    await create_link(client, URL, code="abc")
    assert await followed(4, client) == 4
    await drain()
    await client.patch(f"{LINKS}/abc", json={"max_clicks": 10})
    assert await followed(50, client) == 6


async def test_clicks_that_were_on_their_way_as_the_limit_was_set_count_too(client, drain, settings):
    await create_link(client, URL, code="abc")
    assert await followed(4, client) == 4
    await client.patch(f"{LINKS}/abc", json={"max_clicks": 10})
    await drain()
    assert await used(settings) == 4
    assert await followed(50, client) == 6


async def test_a_limit_can_be_raised_lowered_and_removed(client):
    await create_link(client, URL, code="abc", max_clicks=2)
    assert await followed(9, client) == 2
    await client.patch(f"{LINKS}/abc", json={"max_clicks": 5})
    assert await followed(9, client) == 3
    await client.patch(f"{LINKS}/abc", json={"max_clicks": 1})
    assert await followed(9, client) == 0
    await client.patch(f"{LINKS}/abc", json={"max_clicks": None})
    assert await followed(9, client) == 9


async def test_bots_previews_prefetches_and_head_neither_use_a_click_nor_get_the_destination(client):
    await create_link(client, URL, code="abc", max_clicks=1, preview={"title": "An offer"})
    await create_link(client, URL, code="one", max_clicks=1)
    for headers in ({"User-Agent": "curl/8.14.1"}, {"User-Agent": PREVIEW_AGENT}, {"Sec-Purpose": "prefetch"}):
        answer = await client.get("/one", headers=headers)
        assert (answer.status_code, "secret-offer" in answer.text + str(answer.headers)) == (200, False)
    for answer in (await client.head("/one"), await client.get("/one+")):
        assert (answer.status_code, "secret-offer" in answer.text + str(answer.headers)) == (200, False)
    assert await followed(5, client, path="/one") == 1


async def test_who_comes_too_late_is_led_to_the_fallback(client):
    await create_link(client, URL, code="abc", max_clicks=1, fallback_url=ELSEWHERE)
    answers = [await client.get("/abc") for _ in range(3)]
    assert [answer.headers["location"] for answer in answers] == [URL, ELSEWHERE, ELSEWHERE]


async def test_ten_left_are_ten_after_a_restart(settings):
    async with running_app(settings) as app, client_of(app) as client:
        await create_link(client, URL, code="abc", max_clicks=30)
        assert await followed(20, client) == 20
    async with running_app(settings) as app, client_of(app) as client:
        assert await followed(100, client) == 10


async def test_ten_left_are_ten_after_redis_lost_its_memory_even_if_clicks_were_lost_with_it(settings):
    async with own_valkey() as valkey, running_app(changed(settings, redis_url=valkey.url)) as app:
        client = client_of(app)
        await create_link(client, URL, code="abc", max_clicks=30)
        assert await followed(20, client) == 20
        await app.state.parts[REDIS].flushall()
        assert await followed(100, client) == 10


async def test_ten_left_are_ten_with_redis_away(settings):
    away = changed(settings, redis_url="redis://127.0.0.1:1/0")
    async with running_app(away) as app, client_of(app) as client:
        await create_link(client, URL, code="abc", max_clicks=10)
        assert await followed(100, client) == 10


async def test_a_process_that_takes_clicks_in_advance_gives_back_what_nobody_wants(settings, monkeypatch):
    monkeypatch.setattr(quotas, "IDLE_S", 0.05)
    async with running_app(settings) as app, client_of(app) as client:
        await create_link(client, URL, code="abc", max_clicks=100_000)
        assert await followed(1, client) == 1
        assert await used(settings) == 1 + quotas.MAX_ADVANCE

        async def is_back() -> bool:
            return await used(settings) == 1

        assert await eventually(is_back)
        assert await followed(3, client) == 3
    assert await used(settings) == 4


async def test_without_the_database_a_process_keeps_what_it_has_in_advance_and_gives_it_back_later(
    settings, monkeypatch
):
    monkeypatch.setattr(quotas, "IDLE_S", 0.05)
    async with running_app(settings) as app, client_of(app) as client:
        await create_link(client, URL, code="abc", max_clicks=100_000)
        database, asked = app.state.parts[DATABASE], []
        assert await followed(1, client) == 1
        with monkeypatch.context() as away:

            def refuse() -> None:
                asked.append(1)
                raise ConnectionRefusedError

            away.setattr(database, "driver_connection", refuse)
            assert await eventually(lambda: len(asked) > 2)
            assert await followed(3, client) == 3
        assert await eventually(lambda: is_used(settings, 4))


async def is_used(settings, clicks: int) -> bool:
    return await used(settings) == clicks


@pytest.mark.parametrize("left", [99, 500, 100_000])
async def test_a_killed_process_loses_at_most_a_hundredth_of_what_was_left(settings, left):
    async with running_app(settings) as app, client_of(app) as client:
        await create_link(client, URL, code="abc", max_clicks=left)
        assert await followed(1, client) == 1
        # A process that is killed now does not give this back.
        lost = await used(settings) - 1
        assert lost <= min(left / 100, quotas.MAX_ADVANCE)
        assert (lost == 0) is (left < 100)


async def test_without_the_database_nobody_is_led_on_and_the_answer_says_when_to_come_back(settings, monkeypatch):
    async with running_app(settings) as app, client_of(app) as client:
        await create_link(client, URL, code="abc", max_clicks=2)
        assert await followed(1, client) == 1
        monkeypatch.setattr(quotas, "_TAKE", "SELECT pg_sleep(10)")
        monkeypatch.setattr(quotas, "TIMEOUT_S", 0.1)
        answer = await client.get("/abc")
        assert_problem(answer, 503, "service-unavailable")
        assert answer.headers["retry-after"] == "5"
        monkeypatch.undo()
        assert await followed(5, client) == 1


async def test_people_of_links_without_a_limit_are_counted_as_before(client, drain):
    await create_link(client, URL, code="abc")
    await create_link(client, URL, code="limited", max_clicks=3)
    assert await followed(5, client, path="/limited") == 3
    assert await followed(2, client) == 2
    assert await drain() == 5
    assert (await client.get(f"{LINKS}/limited")).json()["clicks"] == 3
