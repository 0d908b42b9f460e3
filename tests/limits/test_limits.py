"""Limits per client, shared by all processes, told on every answer."""

import asyncio
import re
import time
from collections import Counter

import httpx
import pytest

from shortener.http.client_address import TrustedProxies
from shortener.limits.keys import LimitKeys
from shortener.limits.rate_limits import RateLimits
from shortener.redirect.throttle import MAX_UNTOLD, UNTOLD_SHARE
from shortener.settings import load_settings
from shortener.settings.values import Rate
from shortener.stores.redis import RedisGuard
from tests.conftest import SECRET, changed, client_of, create_link, eventually, running_app
from tests.links.test_api import LINKS, assert_problem

DEFAULTS = {"limit_api": "100/minute", "limit_redirect": "1000/minute", "limit_miss": "60/minute"}


@pytest.fixture
def limited(settings):
    """The limits that apply when nobody sets any."""
    return changed(settings, **DEFAULTS)


def assert_headers(answer: httpx.Response, policy: str, quota: int, window_s: int, remaining: int) -> None:
    """Both kinds of headers, and that they agree."""
    assert answer.headers["x-ratelimit-limit"] == str(quota)
    assert answer.headers["x-ratelimit-remaining"] == str(remaining)
    reset_s = int(answer.headers["x-ratelimit-reset"])
    assert 0 < reset_s <= window_s
    assert answer.headers["ratelimit-policy"] == f'"{policy}";q={quota};w={window_s}'
    assert answer.headers["ratelimit"] == f'"{policy}";r={remaining};t={reset_s}'
    if answer.status_code == 429:
        assert_problem(answer, 429, "too-many-requests")
        assert int(answer.headers["retry-after"]) >= reset_s
    else:
        assert "retry-after" not in answer.headers


async def statuses(client: httpx.AsyncClient, path: str, count: int) -> Counter[int]:
    answers = [await client.get(path) for _ in range(count)]
    return Counter(answer.status_code for answer in answers)


def test_the_defaults_are_what_the_documentation_says(monkeypatch):
    for name in ("SHORTENER_LIMIT_API", "SHORTENER_LIMIT_REDIRECT", "SHORTENER_LIMIT_MISS"):
        monkeypatch.delenv(name, raising=False)
    settings = load_settings(secret_key=SECRET)
    assert (settings.limit_api, settings.limit_redirect, settings.limit_miss) == (
        Rate(100, 60),
        Rate(1000, 60),
        Rate(60, 60),
    )


async def test_a_client_has_a_hundred_api_requests_a_minute(limited):
    async with running_app(limited) as app, client_of(app) as client:
        for used in range(1, 101):
            answer = await client.get(LINKS)
            assert answer.status_code == 200
            assert_headers(answer, "api", 100, 60, 100 - used)
        for method, path in (
            ("GET", LINKS),
            ("POST", LINKS),
            ("DELETE", f"{LINKS}/abc"),
            ("GET", f"{LINKS}/abc/stats"),
        ):
            answer = await client.request(method, path)
            assert answer.status_code == 429
            assert_headers(answer, "api", 100, 60, 0)


async def test_a_client_has_a_thousand_redirects_a_minute(limited):
    async with running_app(limited) as app, client_of(app) as client:
        await create_link(client, code="abc")
        for left in range(999, -1, -1):
            answer = await client.get("/abc")
            assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (302, str(left))
        assert_headers(answer, "redirect", 1000, 60, 0)
        for path in ("/abc", "/abc+", "/nowhere"):
            answer = await client.get(path)
            assert answer.status_code == 429
            assert_headers(answer, "redirect", 1000, 60, 0)
        assert (await client.get(LINKS)).status_code == 200


async def test_a_client_has_sixty_misses_a_minute_and_then_cannot_tell_which_codes_exist(limited):
    async with running_app(limited) as app, client_of(app) as client:
        await create_link(client, code="abc")
        await create_link(client, code="gone")
        await client.delete(f"{LINKS}/gone")
        for used in range(1, 61):
            answer = await client.get(f"/guess{used}")
            assert answer.status_code == 404
            assert_headers(answer, "miss", 60, 60, 60 - used)
        bodies = set()
        for path in ("/abc", "/gone", "/nowhere", "/guess1", "/abc+", "/nowhere+"):
            answer = await client.get(path)
            assert answer.status_code == 429
            assert_headers(answer, "miss", 60, 60, 0)
            bodies.add(re.sub(r"\d+", "", answer.text))
        assert len(bodies) == 1
        async with client_of(app, "203.0.113.8") as somebody_else:
            assert (await somebody_else.get("/abc")).status_code == 302


async def test_guessing_in_parallel_reveals_no_more_than_guessing_in_turn(limited):
    async with running_app(limited) as app, client_of(app) as client:
        answers = await asyncio.gather(*(client.get(f"/guess{i}") for i in range(300)))
        assert Counter(answer.status_code for answer in answers) == {404: 60, 429: 240}
        assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"miss";q=60;w=60'}


async def test_a_request_that_is_refused_costs_nothing(settings):
    async with (
        running_app(changed(settings, limit_redirect="5/minute", limit_miss="3/minute")) as app,
        client_of(app) as client,
    ):
        await create_link(client, code="abc")
        assert await statuses(client, "/nowhere", 4) == {404: 3, 429: 1}
        async with client_of(app, "203.0.113.8") as other:
            assert await statuses(other, "/abc", 6) == {302: 5, 429: 1}


async def test_every_answer_of_a_limited_route_carries_the_headers(settings):
    limits = changed(settings, limit_api="50/minute", limit_redirect="50/minute", limit_miss="50/minute")
    async with running_app(limits) as app, client_of(app) as client:
        json = {"Content-Type": "application/json"}
        requests = [
            (201, "POST", LINKS, {"json": {"url": "https://example.com", "code": "abc"}}),
            (409, "POST", LINKS, {"json": {"url": "https://example.com", "code": "abc"}}),
            (422, "POST", LINKS, {"json": {"url": "javascript:x"}}),
            (422, "POST", LINKS, {"content": b"no JSON", "headers": json}),
            (422, "POST", LINKS, {"json": {"url": 1}}),
            (400, "POST", LINKS, {"content": b"\xff\xff", "headers": json}),
            (200, "GET", LINKS, {}),
            (422, "GET", f"{LINKS}?limit=0", {}),
            (400, "GET", f"{LINKS}?cursor=x", {}),
            (200, "GET", f"{LINKS}/abc", {}),
            (404, "GET", f"{LINKS}/nowhere", {}),
            (200, "GET", f"{LINKS}/abc/stats", {}),
            (200, "GET", f"{LINKS}/abc/clicks", {}),
            (200, "GET", f"{LINKS}/abc/clicks?format=csv", {}),
            (200, "PATCH", f"{LINKS}/abc", {"json": {}}),
        ]
        for used, (status, method, path, options) in enumerate(requests, 1):
            answer = await client.request(method, path, **options)
            assert (method, path, answer.status_code) == (method, path, status)
            assert_headers(answer, "api", 50, 60, 50 - used)
        for used, (status, method, path) in enumerate(
            [(302, "GET", "/abc"), (302, "HEAD", "/abc"), (200, "GET", "/abc+")], 1
        ):
            answer = await client.request(method, path)
            assert answer.status_code == status
            assert_headers(answer, "redirect", 50, 60, 50 - used)
        answer = await client.delete(f"{LINKS}/abc")
        assert_headers(answer, "api", 50, 60, 50 - len(requests) - 1)
        answer = await client.get("/abc")
        assert answer.status_code == 410
        assert_headers(answer, "redirect", 50, 60, 46)


async def test_the_limit_told_is_the_one_that_refuses_first(settings):
    limits = changed(settings, limit_redirect="5/minute", limit_miss="60/minute")
    async with running_app(limits) as app, client_of(app) as client:
        assert_headers(await client.get("/nowhere"), "redirect", 5, 60, 4)


async def test_what_is_not_limited_carries_no_headers(limited):
    async with running_app(limited) as app, client_of(app) as client:
        for path in ("/health/live", "/docs", "/openapi.json", "/static/docs.js"):
            assert "ratelimit" not in (await client.get(path)).headers


async def test_a_limit_is_shared_by_all_processes(limited):
    async with running_app(limited) as one, running_app(limited) as other, client_of(one) as a, client_of(other) as b:
        answers = await asyncio.gather(*(client.get(LINKS) for client in (a, b) for _ in range(75)))
        assert Counter(answer.status_code for answer in answers) == {200: 100, 429: 50}
        assert sorted(int(answer.headers["x-ratelimit-remaining"]) for answer in answers) == [0] * 50 + [*range(100)]


async def test_the_window_ends_when_retry_after_says_and_not_before(settings):
    async with running_app(changed(settings, limit_api="2/second")) as app, client_of(app) as client:
        started_s = time.monotonic()
        assert await statuses(client, LINKS, 2) == {200: 2}
        answer = await client.get(LINKS)
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "1"

        async def is_let_in() -> bool:
            return (await client.get(LINKS)).status_code == 200

        await eventually(is_let_in, within_s=2)
        assert time.monotonic() - started_s >= 1
        assert (await client.get(LINKS)).status_code == 200
        answer = await client.get(LINKS)
        assert answer.status_code == 429
        await asyncio.sleep(int(answer.headers["retry-after"]))
        assert await is_let_in()


async def test_the_last_millisecond_of_a_window_is_counted_like_any_other(settings, redis):
    script = RateLimits(redis, RedisGuard(5), LimitKeys(SECRET), TrustedProxies(()), settings)._script
    for _ in range(60):
        pipeline = redis.pipeline(transaction=False)
        pipeline.set("limit:api:client", 5, px=2)
        for _ in range(400):
            await script(["limit:api:client"], [10**6, 60_000, 1], client=pipeline)
        answers = (await pipeline.execute())[1:]
        assert all(allowed == 1 and left_ms > 0 for allowed, _, left_ms in answers)
        await redis.delete("limit:api:client")


async def test_a_count_that_has_lost_its_end_begins_anew(settings, redis):
    async with running_app(changed(settings, limit_api="3/minute")) as app, client_of(app) as client:
        key = LimitKeys(SECRET).key("api", "203.0.113.7")
        await redis.set(key, 1000)
        assert await statuses(client, LINKS, 4) == {200: 3, 429: 1}
        assert 0 < await redis.pttl(key) <= 60_000


async def test_limits_can_be_switched_off(settings):
    async with running_app(settings) as app, client_of(app) as client:
        await create_link(client, code="abc")
        for path in (LINKS, "/abc", "/nowhere"):
            answer = await client.get(path)
            assert "ratelimit" not in answer.headers
            assert "x-ratelimit-limit" not in answer.headers
        assert await statuses(client, "/nowhere", 100) == {404: 100}


async def test_of_clients_that_ask_rarely_redis_learns_nothing(limited, redis):
    async with running_app(limited) as app, client_of(app) as client:
        await create_link(client, code="abc")
        assert await statuses(client, "/abc", MAX_UNTOLD) == {302: MAX_UNTOLD}
        key = LimitKeys(SECRET).key("redirect", "203.0.113.7")
        assert await redis.get(key) is None
        await client.get("/abc")
        assert int(await redis.get(key)) == MAX_UNTOLD + 1
        assert 0 < await redis.pttl(key) <= 60_000


async def test_beyond_its_quota_a_client_gets_no_more_than_each_process_keeps_to_itself(settings):
    limits = changed(settings, limit_redirect="100/minute")
    async with running_app(limits) as app, running_app(limits) as other, client_of(app) as a, client_of(other) as b:
        await create_link(a, code="abc")
        found = Counter()
        for _ in range(60):
            found += await statuses(a, "/abc", 1)
            found += await statuses(b, "/abc", 1)
    assert 100 <= found[302] <= 100 + 2 * int(100 * UNTOLD_SHARE)
    assert found[302] + found[429] == 120


async def test_no_address_stands_in_redis(limited, redis):
    limits = changed(limited, limit_redirect="10/minute", limit_miss="10/minute")
    async with running_app(limits) as app, client_of(app, "203.0.113.7") as client:
        await create_link(client, code="abc")
        await client.get("/abc")
        await client.get("/nowhere")
        await eventually(lambda: counted_keys(redis, 3))
        assert not [key for key in await redis.keys("*") if b"203.0.113" in key]


async def counted_keys(redis, count: int) -> bool:
    return len(await redis.keys("limit:*")) == count


async def test_without_redis_each_process_limits_the_api_and_redirects_alone(settings):
    nowhere = changed(
        settings,
        redis_url="redis://127.0.0.1:1",
        limit_api="3/minute",
        limit_redirect="5/minute",
        limit_miss="5/minute",
    )
    async with running_app(nowhere) as app, client_of(app) as client:
        await create_link(client, code="abc")
        assert await statuses(client, LINKS, 5) == {200: 2, 429: 3}
        assert await statuses(client, "/abc", 6) == {302: 5, 429: 1}
    async with running_app(nowhere) as app, client_of(app) as client:
        assert await statuses(client, "/nowhere", 6) == {404: 5, 429: 1}
