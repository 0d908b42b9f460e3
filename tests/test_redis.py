"""Going on without Redis: who waits to learn whether it is back."""

import asyncio

import pytest

from shortener.redis import RECORDER, RedisGuard, RedisUnavailable


async def hang() -> None:
    await asyncio.sleep(60)


async def answer() -> str:
    return "well"


async def test_while_the_recorder_tries_a_redis_that_is_away_nobody_else_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guard = RedisGuard(budget_s=0.01, pause_s=0.0)
    for part in ("cache", RECORDER):
        with pytest.raises(RedisUnavailable):
            await guard.call(part, hang())
    with pytest.raises(RedisUnavailable):
        await guard.call("cache", answer())
    monkeypatch.setattr("shortener.redis.RECORDER_TRIES_WITHIN_S", 0.0)
    assert await guard.call("cache", answer()) == "well"


async def test_when_the_recorder_finds_redis_all_use_it_again() -> None:
    guard = RedisGuard(budget_s=0.01, pause_s=0.0)
    with pytest.raises(RedisUnavailable):
        await guard.call("cache", hang())
    with pytest.raises(RedisUnavailable):
        await guard.call(RECORDER, hang())
    assert await guard.call(RECORDER, answer()) == "well"
    assert await guard.call("cache", answer()) == "well"


async def test_where_no_clicks_come_in_others_try() -> None:
    guard = RedisGuard(budget_s=0.01, pause_s=0.0)
    with pytest.raises(RedisUnavailable):
        await guard.call("cache", hang())
    assert await guard.call("cache", answer()) == "well"
