"""Group commit, and what happens to clicks while Redis does not answer."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from shortener.clicks.event import Batch, new_batch
from shortener.clicks.metrics import CLICKS_DEFERRED, CLICKS_LOST
from shortener.clicks.recorder import MAX_BATCH, Recorder, Rider
from shortener.clicks.stream import STREAM, ClickStream, Sealer
from shortener.clicks.writer import ClickWriter
from shortener.settings import Settings
from shortener.stores.database import Database
from shortener.stores.redis import RedisGuard, create_redis
from tests.clicks.make import click, number_of_rows
from tests.conftest import SECRET, changed, create_link, eventually
from tests.own_valkey import OwnValkey, own_valkey
from workers.clicks import Drain

BUDGET_S = 0.05


class Bench:
    """A recorder between a Valkey that can be made to hang and a database."""

    def __init__(self, valkey: OwnValkey, database: Database) -> None:
        self.valkey = valkey
        self.redis = create_redis(valkey.url)
        self.stream = ClickStream(self.redis, Sealer(SECRET))
        self.database = database
        self.written_directly = 0
        self.tries = 0

    def recorder(
        self, budget_s: float = BUDGET_S, buffer_size: int = 1000, stream: Any = None, **options: Any
    ) -> Recorder:
        return Recorder(stream or self.stream, RedisGuard(budget_s), self._write, buffer_size, **options)

    async def _write(self, batches: Sequence[Batch]) -> None:
        self.tries += 1
        async with self.database.driver_connection() as connection:
            self.written_directly += await ClickWriter().write(connection, batches)

    async def drain(self) -> int:
        return await Drain(self.stream, self.database, "test").run_until_empty()

    async def entries(self) -> list[Any]:
        return list(await self.redis.xrange(STREAM))


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with own_valkey() as valkey:
        bench = Bench(valkey, database)
        # Its connection stands already when Valkey begins to hang: what is sent then does arrive later.
        await bench.stream.append([new_batch([])])
        await bench.redis.flushall()
        yield bench
        valkey.go_on()
        await bench.stream.close()
        await bench.redis.aclose()


@pytest.fixture
async def no_database(settings: Settings) -> AsyncIterator[Database]:
    """Where nobody answers."""
    database = Database(changed(settings, database_url=settings.database_url.replace("/test_", "/missing_")))
    yield database
    await database.close()


def lost(reason: str) -> Callable[[], float]:
    """How many clicks have been lost for this reason since now."""
    counter = CLICKS_LOST.labels(reason)
    before = counter._value.get()
    return lambda: counter._value.get() - before


async def test_a_click_is_not_answered_before_the_stream_has_it(bench: Bench) -> None:
    recorder = bench.recorder(budget_s=30)
    bench.valkey.hang()
    recorded = asyncio.ensure_future(recorder.store(click()))
    await asyncio.wait([recorded], timeout=0.3)
    assert not recorded.done()
    bench.valkey.go_on()
    await recorded
    assert len(await bench.entries()) == 1
    assert recorder.buffered == 0


async def test_an_answered_redirect_is_in_the_stream(client: httpx.AsyncClient, redis: Redis) -> None:
    code = (await create_link(client))["code"]
    for n in range(1, 20):
        assert (await client.get(f"/{code}")).status_code == 302
        assert await redis.xlen(STREAM) == n


async def test_clicks_of_one_moment_share_one_batch(bench: Bench) -> None:
    recorder = bench.recorder()
    await asyncio.gather(*(recorder.store(click()) for _ in range(100)))
    assert len(await bench.entries()) == 1
    assert await bench.drain() == 100


async def test_clicks_that_come_while_a_batch_is_on_its_way_share_the_next(bench: Bench) -> None:
    recorder = bench.recorder(budget_s=30)
    bench.valkey.hang()
    first = asyncio.ensure_future(recorder.store(click()))
    await asyncio.sleep(0)
    others = [asyncio.ensure_future(recorder.store(click())) for _ in range(50)]
    bench.valkey.go_on()
    await asyncio.gather(first, *others)
    assert len(await bench.entries()) == 2
    assert await bench.drain() == 51


async def test_a_batch_has_a_largest_size(bench: Bench) -> None:
    recorder = bench.recorder()
    await asyncio.gather(*(recorder.store(click()) for _ in range(2 * MAX_BATCH + 1)))
    assert len(await bench.entries()) == 3
    assert await bench.drain() == 2 * MAX_BATCH + 1


async def test_a_cancelled_request_takes_no_other_with_it(bench: Bench) -> None:
    recorder = bench.recorder(budget_s=30)
    bench.valkey.hang()

    async def follow() -> None:
        await recorder.store(click())

    leaving, staying = asyncio.create_task(follow()), asyncio.create_task(follow())
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    bench.valkey.go_on()
    await staying
    assert await bench.drain() == 2


async def test_a_redis_that_hangs_holds_nobody_up_longer_than_the_budget(bench: Bench) -> None:
    recorder = bench.recorder()
    deferred = CLICKS_DEFERRED.labels("redis_unavailable")._value.get()
    bench.valkey.hang()
    began_at_s = time.monotonic()
    await asyncio.gather(*(recorder.store(click()) for _ in range(10)))
    assert time.monotonic() - began_at_s < 10 * BUDGET_S
    assert recorder.buffered == 10
    assert CLICKS_DEFERRED.labels("redis_unavailable")._value.get() - deferred == 10


async def test_clicks_that_waited_go_into_the_stream_when_it_is_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shortener.clicks.recorder.DIRECT_AFTER_S", 60)
    recorder = bench.recorder()
    bench.valkey.hang()
    for _ in range(5):
        await asyncio.gather(*(recorder.store(click()) for _ in range(10)))
    assert recorder.buffered == 50
    bench.valkey.go_on()
    await eventually(lambda: recorder.buffered == 0)
    assert bench.written_directly == 0
    await bench.drain()
    assert await number_of_rows(bench.database) == 50


async def test_a_batch_whose_first_try_did_arrive_is_counted_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shortener.clicks.recorder.DIRECT_AFTER_S", 60)
    recorder = bench.recorder()
    bench.valkey.hang()
    await asyncio.gather(*(recorder.store(click()) for _ in range(10)))
    bench.valkey.go_on()
    await eventually(lambda: recorder.buffered == 0)
    entries = await bench.entries()
    assert len(entries) > 1
    assert len({fields[b"id"] for _, fields in entries}) == 1
    await bench.drain()
    assert await number_of_rows(bench.database) == 10


async def test_clicks_go_to_the_database_while_redis_stays_away_and_are_counted_once(bench: Bench) -> None:
    recorder = bench.recorder()
    bench.valkey.hang()
    for _ in range(3):
        await asyncio.gather(*(recorder.store(click()) for _ in range(10)))
    await eventually(lambda: recorder.buffered == 0, within_s=10)
    assert bench.written_directly == 30
    bench.valkey.go_on()
    assert len(await bench.entries()) > 0
    assert await bench.drain() == 0
    assert await number_of_rows(bench.database) == 30


async def test_clicks_that_neither_takes_wait_until_one_is_back(bench: Bench, no_database: Database) -> None:
    database, bench.database = bench.database, no_database
    recorder = bench.recorder()
    bench.valkey.hang()
    await asyncio.gather(*(recorder.store(click()) for _ in range(10)))
    await eventually(lambda: bench.tries >= 2)
    assert recorder.buffered == 10
    bench.database = database
    await eventually(lambda: recorder.buffered == 0)
    assert await number_of_rows(database) == 10


async def test_beyond_the_bound_the_oldest_clicks_are_lost_and_counted(bench: Bench, no_database: Database) -> None:
    database, bench.database = bench.database, no_database
    recorder, lost_clicks = bench.recorder(buffer_size=25), lost("buffer_full")
    bench.valkey.hang()
    for link_id in range(1, 6):
        await asyncio.gather(*(recorder.store(click(link_id)) for _ in range(10)))
    assert recorder.buffered == 20
    assert lost_clicks() == 30
    bench.database = database
    await eventually(lambda: recorder.buffered == 0)
    async with database.driver_connection() as connection:
        rows = await connection.fetch("SELECT link_id, count(*) FROM clicks GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in rows] == [(4, 10), (5, 10)]


async def test_whatever_stops_the_stream_loses_no_click(bench: Bench) -> None:
    class Failing(ClickStream):
        failures = 3

        async def append(self, batches: list[Batch], riders: Sequence[Rider] = ()) -> None:
            if self.failures:
                self.failures -= 1
                raise RuntimeError("the transport is closed")
            await super().append(batches, riders)

    recorder = bench.recorder(stream=Failing(bench.redis, Sealer(SECRET)))
    await asyncio.gather(*(recorder.store(click()) for _ in range(10)))
    await eventually(lambda: recorder.buffered == 0)
    await bench.drain()
    assert await number_of_rows(bench.database) == 10


async def test_closing_stores_what_is_on_its_way(bench: Bench) -> None:
    recorder = bench.recorder()
    for _ in range(700):
        recorder.record(click(), lambda: None)
    await recorder.close()
    assert await bench.drain() == 700


async def test_closing_while_redis_hangs_stores_what_waits(bench: Bench) -> None:
    recorder = bench.recorder()
    bench.valkey.hang()
    await asyncio.gather(*(recorder.store(click()) for _ in range(20)))
    recorder.record(click(), lambda: None)
    await recorder.close()
    assert recorder.buffered == 0
    bench.valkey.go_on()
    await bench.drain()
    assert await number_of_rows(bench.database) == 21


async def test_closing_without_redis_and_database_ends_and_counts_what_is_lost(
    bench: Bench, no_database: Database
) -> None:
    bench.database = no_database
    recorder, lost_clicks = bench.recorder(), lost("shutdown")
    bench.valkey.hang()
    await asyncio.gather(*(recorder.store(click()) for _ in range(20)))
    await asyncio.wait_for(recorder.close(), 10)
    assert lost_clicks() == 20


async def test_closing_ends_a_retry_that_loses_its_cancellation(bench: Bench) -> None:
    class Swallowing:
        """As redis-py does while it connects."""

        calls = 0

        async def append(self, *_: object) -> None:
            self.calls += 1
            if self.calls == 1:
                raise ConnectionError
            if self.calls == 2:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(60)
                await asyncio.sleep(60)

    stream = Swallowing()
    recorder = bench.recorder(budget_s=60, stream=stream)
    await recorder.store(click())
    await eventually(lambda: stream.calls == 2)
    await asyncio.wait_for(recorder.close(), 10)
    assert recorder.buffered == 0


async def test_answers_from_memory_wait_for_nothing_and_their_clicks_are_counted(bench: Bench) -> None:
    recorder = bench.recorder(budget_s=30, answers_at_once=True)
    bench.valkey.hang()
    async with asyncio.timeout(1):
        await asyncio.gather(*(recorder.store(click()) for _ in range(700)))
    bench.valkey.go_on()
    await recorder.close()
    assert await bench.drain() == 700
