"""/health/live and /health/ready: what works, and which part does not."""

import contextlib
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from dirty_equals import IsPartialDict, IsStr
from redis.asyncio import Redis

from shortener.clicks.stream import STREAM
from shortener.processes.checks import LATE_AFTER_S
from shortener.processes.heartbeats import FORGOTTEN_AFTER_S, KEY, SILENT_AFTER_S, beat, heartbeats, is_any_well, leave
from shortener.settings import Settings
from shortener.stores.database import Database
from tests.clicks.make import rows_of
from tests.conftest import changed, client_of, running_app
from tests.own_valkey import own_valkey

OK = {"status": "ok"}
WORKER = "host-1"


@contextlib.asynccontextmanager
async def client_with(settings: Settings, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with running_app(changed(settings, **changes)) as app, client_of(app) as client:
        yield client


async def failed_checks(client: httpx.AsyncClient) -> dict[str, str]:
    """Names of the parts that fail, with what is said of them."""
    answer = await client.get("/health/ready")
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    failed = {name: check["detail"] for name, check in body["checks"].items() if check["status"] != "ok"}
    assert body["detail"] == f"Not working: {', '.join(failed)}."
    assert body == IsPartialDict(type="urn:shortener:problem:not-ready", status=503)
    return failed


async def test_all_is_ready_when_all_works(client: httpx.AsyncClient, redis: Redis) -> None:
    await beat(redis, WORKER)
    answer = await client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": {"database": OK, "migrations": OK, "redis": OK, "worker": OK}}


async def test_a_database_that_is_not_there_is_named(settings: Settings, redis: Redis) -> None:
    await beat(redis, WORKER)
    name = settings.database_url.partition("?")[0].rpartition("/")[2]
    async with client_with(settings, database_url=settings.database_url.replace(name, "missing")) as client:
        failed = await failed_checks(client)
    assert list(failed) == ["database", "migrations"]
    assert 'database "missing" does not exist' in failed["database"]


@pytest.mark.parametrize(
    "url", ["postgresql://nobody:secret@127.0.0.1:1/none", "postgresql://u:secret@nowhere.invalid/x"]
)
async def test_a_database_that_does_not_answer_is_named_without_its_password(
    settings: Settings, redis: Redis, url: str
) -> None:
    await beat(redis, WORKER)
    async with client_with(settings, database_url=url) as client:
        failed = await failed_checks(client)
    assert list(failed) == ["database", "migrations"]
    assert "secret" not in str(failed)


@pytest.mark.parametrize("sql", ["DELETE FROM alembic_version", "UPDATE alembic_version SET version_num = 'older'"])
async def test_a_schema_of_another_version_is_named_with_the_remedy(
    client: httpx.AsyncClient, redis: Redis, database: Database, sql: str
) -> None:
    await beat(redis, WORKER)
    await rows_of(database, sql)
    failed = await failed_checks(client)
    assert list(failed) == ["migrations"]
    assert failed["migrations"].endswith("run shortener migrate")


async def test_a_redis_that_is_not_there_is_named(settings: Settings) -> None:
    async with client_with(settings, redis_url="redis://127.0.0.1:1/0") as client:
        assert list(await failed_checks(client)) == ["redis", "worker"]


async def test_a_redis_that_hangs_is_named_within_seconds(settings: Settings) -> None:
    async with own_valkey() as valkey, client_with(settings, redis_url=valkey.url) as client:
        valkey.hang()
        failed = await failed_checks(client)
        valkey.go_on()
    assert failed == {"redis": "no answer within 2 seconds", "worker": "no answer within 2 seconds"}


async def test_a_missing_worker_is_named_with_the_remedy(client: httpx.AsyncClient) -> None:
    failed = await failed_checks(client)
    assert list(failed) == ["worker"]
    assert failed["worker"].endswith("shortener worker")


async def silence(redis: Redis, worker: str, for_s: float) -> None:
    """As if its last heartbeat were this long ago."""
    seconds, _ = await redis.time()
    await redis.zadd(KEY, {worker: seconds - for_s})


async def test_a_worker_that_beats_no_more_is_missing_after_some_seconds(
    client: httpx.AsyncClient, redis: Redis
) -> None:
    await beat(redis, WORKER)
    assert (await heartbeats(redis))[WORKER] < 5
    assert await is_any_well(redis)
    await silence(redis, WORKER, SILENT_AFTER_S + 1)
    assert not await is_any_well(redis)
    assert list(await failed_checks(client)) == ["worker"]


async def test_a_worker_that_hangs_beside_others_is_named(client: httpx.AsyncClient, redis: Redis) -> None:
    await beat(redis, WORKER)
    await silence(redis, "host-2", 42)
    answer = await client.get("/health/ready")
    assert answer.status_code == 200
    worker = answer.json()["checks"]["worker"]
    assert worker["status"] == "ok"
    assert re.fullmatch(r"1 of 2 workers silent \(hung, or killed\): host-2 for 4\d s", worker["detail"])


async def append_late(redis: Redis, late_s: float) -> None:
    """As if a batch had arrived this long ago, and was not yet written."""
    seconds, _ = await redis.time()
    await redis.xadd(STREAM, {"id": "x"}, id=f"{int((seconds - late_s) * 1000)}-0")


async def test_clicks_that_are_counted_late_show_and_take_no_web_process_out(
    client: httpx.AsyncClient, redis: Redis
) -> None:
    await beat(redis, WORKER)
    await append_late(redis, LATE_AFTER_S - 3)
    assert (await client.get("/health/ready")).json()["status"] == "ok"
    await redis.delete(STREAM)
    await append_late(redis, 42)
    await append_late(redis, 1)
    answer = await client.get("/health/ready")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "degraded"
    assert body["checks"] == {
        **dict.fromkeys(("database", "migrations", "redis"), OK),
        "worker": {"status": "degraded", "detail": IsStr(regex="clicks are counted 4[123] s late")},
    }
    await silence(redis, "host-2", 60)
    detail = (await client.get("/health/ready")).json()["checks"]["worker"]["detail"]
    assert re.fullmatch(r"clicks are counted 4\d s late; 1 of 2 workers silent \(.*\): host-2 for 6\d s", detail)


async def test_late_clicks_do_not_hide_that_no_worker_runs(client: httpx.AsyncClient, redis: Redis) -> None:
    await append_late(redis, 42)
    assert list(await failed_checks(client)) == ["worker"]


async def test_the_doctor_names_clicks_that_are_counted_late(
    shortener: Callable[..., tuple[int, str]], redis: Redis
) -> None:
    await beat(redis, WORKER)
    await append_late(redis, 42)
    code, output = shortener("doctor")
    assert code == 1
    assert re.search(r"fail  worker +clicks are counted 4\d s late", output)
    assert "See the worker's log" in output


async def test_a_worker_that_ended_well_or_long_ago_is_missed_by_nobody(redis: Redis) -> None:
    await silence(redis, "host-2", FORGOTTEN_AFTER_S + 1)
    await beat(redis, "host-3")
    await leave(redis, "host-3")
    await beat(redis, WORKER)
    assert list(await heartbeats(redis)) == [WORKER]


async def test_a_process_lives_whatever_else_does_not(settings: Settings) -> None:
    nowhere = {"redis_url": "redis://127.0.0.1:1/0", "database_url": "postgresql://nobody@127.0.0.1:1/none"}
    async with client_with(settings, **nowhere) as client:
        answer = await client.get("/health/live")
        assert (answer.status_code, answer.json()) == (200, OK)
        assert list(await failed_checks(client)) == ["database", "migrations", "redis", "worker"]
