"""The worker as a process: clicks are in the figures soon, and none is lost or counted twice whatever happens to it."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shortener.clicks.partitions import next_month
from shortener.clicks.stream import DEAD_STREAM, GROUP, STREAM, ClickStream, Sealer
from shortener.parts import Parts
from shortener.processes.heartbeats import heartbeats
from shortener.settings import Settings
from shortener.settings.source import variable
from shortener.stores.database import Database
from shortener.stores.job_queue import create_queue
from shortener.stores.redis import create_redis
from tests.clicks.make import batch, number_of_rows, rows_of
from tests.conftest import SECRET, changed, create_link, eventually
from tests.own_valkey import own_valkey
from workers.main import SCHEDULE, ShortenerWorker

SHORTENER_WORKER = [sys.executable, "-m", "shortener", "worker"]
ARQ = [str(Path(sys.executable).with_name("arq")), "workers.WorkerSettings"]

StartWorker = Callable[..., AbstractAsyncContextManager[asyncio.subprocess.Process]]


@contextlib.asynccontextmanager
async def worker(
    settings: Settings, command: list[str] = SHORTENER_WORKER
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker that has begun to work; killed at the end when it still runs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SHORTENER_")}
    for name in ("database_url", "redis_url", "log_level"):
        environment[variable(name)] = getattr(settings, name)
    environment[variable("secret_key")] = settings.secret_key.get_secret_value()
    if settings.geo_database is not None:
        environment[variable("geo_database")] = str(settings.geo_database)
    redis = create_redis(settings.redis_url)
    await ClickStream(redis, Sealer(SECRET)).ensure_group()
    consumers = len(await redis.xinfo_consumers(STREAM, GROUP))
    process = await asyncio.create_subprocess_exec(*command, env=environment)

    async def works() -> bool:
        assert process.returncode is None
        return len(await redis.xinfo_consumers(STREAM, GROUP)) > consumers

    try:
        await eventually(works, within_s=20)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await redis.aclose()


# On SIGTERM running jobs are awaited this long (`job_completion_wait`), plus a margin.
WAITS_FOR_JOBS_S = 40.0


async def end(process: asyncio.subprocess.Process, within_s: float = 5) -> None:
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), within_s) == 0


@pytest.fixture
def stream(redis: Redis) -> ClickStream:
    return ClickStream(redis, Sealer(SECRET))


async def is_empty(redis: Redis) -> bool:
    return await redis.xlen(STREAM) == 0


def all_written(database: Database, number: int) -> Callable[[], Any]:
    async def check() -> bool:
        return await number_of_rows(database) >= number

    return check


async def test_a_click_is_in_the_figures_within_two_seconds(client: httpx.AsyncClient, settings: Settings) -> None:
    code = (await create_link(client))["code"]
    slowest_s, followed = 0.0, 0
    async with worker(settings):
        ends_at_s = time.monotonic() + 6
        while time.monotonic() < ends_at_s:
            await client.get(f"/{code}")
            followed += 1
            began_at_s = time.monotonic()

            async def is_counted(number: int = followed) -> bool:
                return bool((await client.get(f"/api/v1/links/{code}/stats")).json()["clicks"] == number)

            await eventually(is_counted, within_s=2)
            slowest_s = max(slowest_s, time.monotonic() - began_at_s)
    assert followed > 10
    assert slowest_s < 2


either_command = pytest.mark.parametrize("command", [SHORTENER_WORKER, ARQ], ids=["shortener", "arq"])


@either_command
async def test_a_worker_that_is_stopped_in_the_middle_of_a_load_loses_and_doubles_nothing(
    settings: Settings, stream: ClickStream, redis: Redis, database: Database, command: list[str]
) -> None:
    sent, enough = 0, asyncio.Event()

    async def send() -> None:
        nonlocal sent
        while not enough.is_set():
            await stream.append([batch(7) for _ in range(20)])
            sent += 140
            await asyncio.sleep(0.03)

    sending = asyncio.create_task(send())
    async with worker(settings, command) as process:
        await eventually(all_written(database, 500))
        await end(process, within_s=WAITS_FOR_JOBS_S)
    enough.set()
    await sending
    assert (await redis.xpending(STREAM, GROUP))["pending"] == 0
    async with worker(settings, command) as process:
        await eventually(all_written(database, sent), within_s=30)
        await end(process, within_s=WAITS_FOR_JOBS_S)
    assert await number_of_rows(database) == sent
    assert await is_empty(redis)
    assert await redis.xlen(DEAD_STREAM) == 0


async def test_what_a_killed_worker_had_taken_is_counted_once(
    settings: Settings, stream: ClickStream, redis: Redis, database: Database
) -> None:
    async with worker(settings) as process:
        await stream.append([batch(5) for _ in range(1000)])
        await eventually(all_written(database, 500), every_s=0.001)
        process.kill()
        await process.wait()
    async with worker(settings) as process:
        await eventually(lambda: is_empty(redis), within_s=20)
        await end(process)
    assert await number_of_rows(database) == 5000


async def test_two_workers_share_the_load(
    settings: Settings, stream: ClickStream, redis: Redis, database: Database
) -> None:
    async with worker(settings) as first, worker(settings) as second:
        for _ in range(20):
            await stream.append([batch(2) for _ in range(200)])
        await eventually(all_written(database, 8000), within_s=20)
        consumers = await redis.xinfo_consumers(STREAM, GROUP)
        await asyncio.gather(end(first), end(second))
    assert [consumer["inactive"] >= 0 for consumer in consumers] == [True, True]
    assert await number_of_rows(database) == 8000


@either_command
async def test_a_worker_goes_on_after_redis_was_restarted(
    settings: Settings, database: Database, command: list[str]
) -> None:
    async with own_valkey() as valkey:
        redis = create_redis(valkey.url)
        stream = ClickStream(redis, Sealer(SECRET))
        async with worker(changed(settings, redis_url=valkey.url), command) as process:
            for n in range(1, 3):
                await stream.append([batch(3)])
                await eventually(all_written(database, 6 * n - 3))
                await valkey.restart()
                await eventually(lambda: is_appended(stream))
                await eventually(all_written(database, 6 * n), within_s=15)
            assert process.returncode is None
            await end(process)
        await redis.aclose()
    assert await number_of_rows(database) == 12


async def is_appended(stream: ClickStream) -> bool:
    with contextlib.suppress(RedisError):
        await stream.append([batch(3)])
        return True
    return False


@either_command
async def test_a_worker_ends_also_while_redis_hangs(settings: Settings, command: list[str]) -> None:
    async with own_valkey() as valkey, worker(changed(settings, redis_url=valkey.url), command) as process:
        valkey.hang()
        await end(process, within_s=15)


async def test_nothing_is_lost_while_the_database_cannot_be_reached(
    settings: Settings, stream: ClickStream, redis: Redis, database: Database
) -> None:
    name = settings.database_url.partition("?")[0].rpartition("/")[2]
    host = settings.database_url.partition("host=")[2]
    admin = await asyncpg.connect(host=host, user="shortener", database="postgres")
    async with worker(settings) as process:
        await stream.append([batch(5)])
        await eventually(all_written(database, 5))
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        await stream.append([batch(5) for _ in range(300)])

        async def is_taken() -> bool:
            return bool((await redis.xpending(STREAM, GROUP))["pending"])

        await eventually(is_taken)
        assert await redis.xlen(STREAM) == 300
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await stream.append([batch(5)])
        await eventually(all_written(database, 1510), within_s=60)
        await end(process)
    await admin.close()
    assert await number_of_rows(database) == 1510
    assert await redis.xlen(DEAD_STREAM) == 0


async def test_a_worker_beats_until_it_ends(settings: Settings, redis: Redis) -> None:
    async with worker(settings) as process:
        (age_s,) = (await eventually(lambda: heartbeats(redis))).values()
        assert age_s < 5
        await end(process)
    assert await heartbeats(redis) == {}


async def test_each_worker_beats_for_itself(settings: Settings, redis: Redis) -> None:
    async with worker(settings) as first, worker(settings):

        async def names() -> list[str]:
            return sorted(name.rpartition("-")[2] for name in await heartbeats(redis))

        async def both() -> bool:
            return len(await names()) == 2

        await eventually(both, within_s=30)
        first.kill()
        await first.wait()
        silent = str(first.pid)

        async def other_goes_on() -> bool:
            ages_s = {name.rpartition("-")[2]: age_s for name, age_s in (await heartbeats(redis)).items()}
            return ages_s[silent] > 4 and all(age_s < 4 for name, age_s in ages_s.items() if name != silent)

        await eventually(other_goes_on, within_s=30)


async def test_a_worker_makes_partitions_ahead(settings: Settings, database: Database) -> None:
    today = datetime.now(UTC).date()
    wanted = {f"clicks_{today:%Y%m}", f"clicks_{next_month(today):%Y%m}"}
    wanted |= {f"click_visitors_{today + timedelta(days=n):%Y%m%d}" for n in range(4)}

    async def are_there() -> bool:
        return wanted <= {name for (name,) in await rows_of(database, "SELECT relname FROM pg_class")}

    async with worker(settings):
        await eventually(are_there)


async def test_a_stop_is_not_lost_with_a_cancellation(settings: Settings, redis: Redis) -> None:
    async def connect() -> None:
        """As redis-py does at times."""
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    ctx: dict[str, Any] = {"parts": Parts(settings), "stopping": asyncio.Event()}
    queue = create_queue(create_redis(settings.redis_url))
    working = ShortenerWorker(
        cron_jobs=SCHEDULE, redis_pool=queue, handle_signals=False, job_completion_wait=1, ctx=ctx
    )
    working.main_task = asyncio.create_task(connect())
    await asyncio.sleep(0)
    working.handle_sig_wait_for_completion(signal.SIGTERM)
    await asyncio.wait([working.main_task], timeout=10)
    assert working.main_task.done()
    assert ctx["stopping"].is_set()
    await queue.aclose(close_connection_pool=True)
