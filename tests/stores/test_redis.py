"""Going on without Redis: who waits to learn whether it is back."""

import asyncio
from types import SimpleNamespace

import pytest

from shortener.stores.redis import RECORDER, RedisGuard, RedisUnavailable


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shortener.stores.redis.MIN_PAUSE_S", 0.0)


async def hang() -> None:
    await asyncio.sleep(60)


async def answer() -> str:
    return "well"


async def test_while_the_recorder_tries_a_redis_that_is_away_nobody_else_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guard = RedisGuard(budget_s=0.01)
    for part in ("cache", RECORDER):
        with pytest.raises(RedisUnavailable):
            await guard.call(part, hang())
    with pytest.raises(RedisUnavailable):
        await guard.call("cache", answer())
    monkeypatch.setattr("shortener.stores.redis.RECORDER_TRIES_WITHIN_S", 0.0)
    assert await guard.call("cache", answer()) == "well"


async def test_when_the_recorder_finds_redis_all_use_it_again() -> None:
    guard = RedisGuard(budget_s=0.01)
    with pytest.raises(RedisUnavailable):
        await guard.call("cache", hang())
    with pytest.raises(RedisUnavailable):
        await guard.call(RECORDER, hang())
    assert await guard.call(RECORDER, answer()) == "well"
    assert await guard.call("cache", answer()) == "well"


async def test_where_no_clicks_come_in_others_try() -> None:
    guard = RedisGuard(budget_s=0.01)
    with pytest.raises(RedisUnavailable):
        await guard.call("cache", hang())
    assert await guard.call("cache", answer()) == "well"


async def test_the_pause_begins_short_and_grows_with_each_failure_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr("shortener.stores.redis.time", SimpleNamespace(monotonic=lambda: now_s))
    monkeypatch.setattr("shortener.stores.redis.MIN_PAUSE_S", 0.25)
    monkeypatch.setattr("shortener.stores.redis.MAX_PAUSE_S", 1.0)
    guard = RedisGuard(budget_s=0.001)
    pauses = []
    for _ in range(4):
        with pytest.raises(RedisUnavailable):
            await guard.call(RECORDER, hang())
        pauses.append(guard.opens_in_s)
        now_s += guard.opens_in_s
    assert pauses == [0.25, 0.5, 1.0, 1.0]
    assert await guard.call(RECORDER, answer()) == "well"
    with pytest.raises(RedisUnavailable):
        await guard.call(RECORDER, hang())
    assert guard.opens_in_s == 0.25
