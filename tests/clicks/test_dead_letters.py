"""What could not be counted is kept, shown, and counted once after a fix."""

import asyncio
import time
from typing import Any

import httpx
from dirty_equals import IsStr
from redis.asyncio import Redis
from typer.testing import CliRunner

from shortener.accounts.commands import create_key, create_user
from shortener.cli import app
from shortener.clicks.dead_letters import DeadLetters
from shortener.clicks.stream import DEAD_STREAM, STREAM, ClickStream, Sealer
from shortener.settings import Settings, get_settings
from shortener.settings.source import variable
from shortener.stores.database import Database
from tests.clicks.make import batch, number_of_rows
from tests.conftest import SECRET
from workers.clicks import Drain

LETTERS = "/api/v1/admin/dead-letters"
OTHER_SECRET = "another secret for tests, also long enough"


def drain_with(secret: str, redis: Redis, database: Database) -> Drain:
    return Drain(ClickStream(redis, Sealer(secret)), database, "test")


async def bury(redis: Redis, database: Database, *sizes: int) -> None:
    """Batches that a worker with the wrong secret has buried."""
    await ClickStream(redis, Sealer(SECRET)).append([batch(size) for size in sizes])
    assert await drain_with(OTHER_SECRET, redis, database).run_until_empty() == 0


async def test_letters_are_listed_oldest_first_with_reason_and_age(redis: Redis, database: Database) -> None:
    await redis.xadd(STREAM, {b"hello": b"world"})
    await bury(redis, database, 3)
    letters = await DeadLetters(redis).oldest(10)
    assert [letter.reason for letter in letters] == ["not_a_batch", "sealed_otherwise"]
    assert all(abs(time.time() - letter.buried_at.timestamp()) < 60 for letter in letters)
    assert len(await DeadLetters(redis).oldest(1)) == 1


async def test_replayed_letters_are_counted_after_the_fix(redis: Redis, database: Database) -> None:
    await bury(redis, database, 3, 4)
    assert await DeadLetters(redis).replay() == 2
    assert await drain_with(SECRET, redis, database).run_until_empty() == 7
    assert await number_of_rows(database) == 7
    assert await redis.xlen(DEAD_STREAM) == await redis.xlen(STREAM) == 0


async def test_a_letter_whose_batch_was_counted_meanwhile_is_not_counted_again(
    redis: Redis, database: Database
) -> None:
    sent = batch(3)
    stream = ClickStream(redis, Sealer(SECRET))
    await stream.append([sent])
    await drain_with(OTHER_SECRET, redis, database).run_until_empty()
    await stream.append([sent])
    await drain_with(SECRET, redis, database).run_until_empty()
    assert await DeadLetters(redis).replay() == 1
    assert await drain_with(SECRET, redis, database).run_until_empty() == 0
    assert await number_of_rows(database) == 3


async def test_a_limit_replays_the_oldest_and_keeps_the_others(redis: Redis, database: Database) -> None:
    await bury(redis, database, *[1] * 250)
    first, *_, last = await DeadLetters(redis).oldest(1000)
    assert await DeadLetters(redis).replay(120) == 120
    left = await DeadLetters(redis).oldest(1000)
    assert len(left) == 130
    assert first not in left
    assert last in left
    assert await DeadLetters(redis).replay() == 130
    assert await drain_with(SECRET, redis, database).run_until_empty() == 250


async def test_a_letter_that_is_still_unreadable_comes_back_with_its_reason(redis: Redis, database: Database) -> None:
    await bury(redis, database, 3)
    await redis.xadd(DEAD_STREAM, {b"hello": b"world", b"reason": b"not_a_batch"})
    assert await DeadLetters(redis).replay() == 2
    assert await drain_with(SECRET, redis, database).run_until_empty() == 3
    [(_, letter)] = await redis.xrange(DEAD_STREAM)
    assert letter == {b"hello": b"world", b"reason": b"not_a_batch"}


async def test_replaying_nothing_is_no_failure(redis: Redis) -> None:
    assert await DeadLetters(redis).replay() == 0


def invoke(settings: Settings, *arguments: str) -> Any:
    environment = {variable("redis_url"): settings.redis_url, variable("data_dir"): "nowhere"}
    get_settings.cache_clear()
    try:
        return CliRunner(env=environment).invoke(app, arguments, catch_exceptions=False)
    finally:
        get_settings.cache_clear()


async def test_the_command_line_lists_and_replays(redis: Redis, database: Database, settings: Settings) -> None:
    await bury(redis, database, 3, 4)
    shown = await asyncio.to_thread(invoke, settings, "clicks", "dead")
    assert shown.output.count("sealed_otherwise") == 2
    replayed = await asyncio.to_thread(invoke, settings, "clicks", "replay", "--limit", "1")
    assert replayed.output == "1\n"
    assert await redis.xlen(DEAD_STREAM) == 1
    assert await drain_with(SECRET, redis, database).run_until_empty() == 3


async def test_admins_see_and_replay_letters_over_the_api(
    client: httpx.AsyncClient, settings: Settings, redis: Redis, database: Database
) -> None:
    await create_user(settings, "admin@example.com", None, is_admin=True)
    admin = {"X-API-Key": await create_key(settings, "admin@example.com", "all", [], None, None)}
    await bury(redis, database, 3, 4)
    letters = (await client.get(LETTERS, params={"limit": 1}, headers=admin)).json()["items"]
    assert letters == [{"id": IsStr(), "reason": "sealed_otherwise", "buried_at": IsStr()}]
    assert (await client.post(f"{LETTERS}/replay", headers=admin)).json() == {"replayed": 2}
    assert await drain_with(SECRET, redis, database).run_until_empty() == 7
    assert (await client.get(LETTERS, headers=admin)).json() == {"items": []}
