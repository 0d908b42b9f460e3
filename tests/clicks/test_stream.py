"""The stream between web and worker: nothing in it can be read, and nothing in it is lost."""

import asyncio
import ipaddress
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from sqlalchemy import text

from shortener.clicks.event import Batch, Choice, Click
from shortener.clicks.stream import DEAD_STREAM, GROUP, STREAM, ClickStream, Entry, Sealer, UnreadableEntry
from shortener.clicks.writer import ClickWriter
from shortener.settings import Settings
from shortener.stores.database import Database
from tests.clicks.make import batch, click, number_of_rows
from tests.conftest import CHROME, SECRET, changed, create_link, eventually
from workers.clicks import ABANDONED_AFTER_MS, Drain
from workers.metrics import CLICK_BATCHES_DEAD

ADDRESSES = ["198.51.100.77", "2001:db8:aaaa:bbbb::cccc"]


@pytest.fixture
def stream(redis: Redis) -> ClickStream:
    return ClickStream(redis, Sealer(SECRET))


@pytest.fixture
def drain_of(stream: ClickStream, database: Database) -> Any:
    return lambda name="test": Drain(stream, database, name)


async def dead_letters(redis: Redis) -> list[dict[bytes, bytes]]:
    return [fields for _, fields in await redis.xrange(DEAD_STREAM)]


async def pending(redis: Redis) -> int:
    """Entries that some worker has taken and not acknowledged."""
    return int((await redis.xpending(STREAM, GROUP))["pending"]) if await redis.exists(STREAM) else 0


async def everything_in(redis: Redis) -> bytes:
    """Each key with its value, and the file in which Valkey keeps them."""
    found = []
    async for key in redis.scan_iter():
        found.append(key)
        if await redis.type(key) == b"stream":
            found += [part for _, fields in await redis.xrange(key) for pair in fields.items() for part in pair]
        elif await redis.type(key) == b"string":
            found.append(await redis.get(key) or b"")
        else:
            found.append(await redis.dump(key) or b"")
    folder = Path((await redis.config_get("dir"))["dir"], "appendonlydir")
    return b"\n".join(found) + b"\n" + b"".join(file.read_bytes() for file in folder.iterdir())


@pytest.mark.parametrize("is_buried", [False, True])
async def test_an_entry_with_the_id_of_one_that_was_deleted_is_counted(
    redis: Redis, stream: ClickStream, drain_of: Any, is_buried: bool
) -> None:
    """Redis begins to number again when the stream was deleted: in the same millisecond an id comes again, while a
    worker still holds the entry that had it before."""
    await stream.ensure_group()
    await stream.append([batch(1)])
    [before] = await stream.read("test", 10, 1)
    await redis.delete(STREAM)
    await redis.xadd(STREAM, Sealer(SECRET).seal(batch(2)), id=before.id)  # type: ignore[arg-type]
    await (stream.bury(before, "a reason") if is_buried else stream.acknowledge([before.id]))
    assert await drain_of().run_until_empty() == 2
    assert len(await dead_letters(redis)) == is_buried


async def test_no_address_is_written_to_redis_or_its_file(
    client: httpx.AsyncClient, redis: Redis, stream: ClickStream
) -> None:
    code = (await create_link(client))["code"]
    headers = {"User-Agent": "an agent that tells", "Referer": "https://a-referrer-that-tells.example/"}
    await client.get(f"/{code}", headers=headers)
    sent = Batch(b"sixteen bytes id", [click(address=address) for address in ADDRESSES])
    await stream.append([sent])
    data = await everything_in(redis)
    assert sent.id in data
    for telling in ("203.0.113.7", *ADDRESSES, "an agent that tells", "a-referrer-that-tells"):
        assert telling.encode() not in data
    assert ipaddress.ip_address(ADDRESSES[1]).packed not in data


async def test_a_batch_comes_out_as_it_went_in(redis: Redis, stream: ClickStream) -> None:
    sent = Batch(bytes(range(16)), [click(address="::1", referrer="https://example.com/ü"), click(2, mark=2)])
    await stream.append([sent])
    [(entry_id, fields)] = await redis.xrange(STREAM)
    assert stream.open(Entry(entry_id, fields)) == sent


def test_equal_clicks_are_sealed_unequally() -> None:
    sealer, clicks = Sealer(SECRET), [click()]
    boxes = {sealer.seal(Batch(bytes([n] * 16), clicks))[b"box"] for n in range(50)}
    assert len(boxes) == 50


def sealed(**changes: bytes) -> Entry:
    fields = Sealer(SECRET).seal(Batch(b"sixteen bytes id", [click()])) | {k.encode(): v for k, v in changes.items()}
    return Entry(b"1-1", fields)


def sealed_garbage() -> Entry:
    sealer = Sealer(SECRET)
    box = sealer._cipher(b"sixteen bytes id").encrypt(bytes(12), b"no clicks", b"sixteen bytes id")
    return sealed(box=box)


def sealed_other_shape() -> Entry:
    sealer = Sealer(SECRET)
    data = msgspec.msgpack.encode([{"link": 1}])
    return sealed(box=sealer._cipher(b"sixteen bytes id").encrypt(bytes(12), data, b"sixteen bytes id"))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        pytest.param(Entry(b"1-1", {}), "not_a_batch", id="empty"),
        pytest.param(Entry(b"1-1", {b"hello": b"world"}), "not_a_batch", id="of another program"),
        pytest.param(sealed(id=b"short"), "not_a_batch", id="short id"),
        pytest.param(sealed(id=b"another batch id"), "sealed_otherwise", id="of another batch"),
        pytest.param(sealed(box=sealed().fields[b"box"][:-1]), "sealed_otherwise", id="cut"),
        pytest.param(sealed(box=b""), "sealed_otherwise", id="empty box"),
        pytest.param(
            Entry(b"1-1", Sealer("another secret").seal(Batch(b"sixteen bytes id", []))),
            "sealed_otherwise",
            id="secret",
        ),
        pytest.param(sealed_garbage(), "not_clicks", id="garbage"),
        pytest.param(sealed_other_shape(), "not_clicks", id="other shape"),
    ],
)
def test_what_is_no_batch_of_ours_is_told_apart_by_the_reason(entry: Entry, reason: str) -> None:
    with pytest.raises(UnreadableEntry, match=reason):
        Sealer(SECRET).open(entry)


async def test_unreadable_entries_go_to_the_dead_letters_and_the_others_proceed(
    redis: Redis, stream: ClickStream, database: Database, drain_of: Any
) -> None:
    dead = CLICK_BATCHES_DEAD.labels("sealed_otherwise")._value.get()
    foreign = batch()
    await stream.append([batch(3)])
    await redis.xadd(STREAM, {b"hello": b"world"})
    await stream.append([batch(4)])
    await ClickStream(redis, Sealer("another secret of another service")).append([foreign])
    await stream.append([batch(5)])
    assert await drain_of().run_until_empty() == 12
    assert await number_of_rows(database) == 12
    letters = await dead_letters(redis)
    assert [letter[b"reason"] for letter in letters] == [b"not_a_batch", b"sealed_otherwise"]
    assert letters[0][b"hello"] == b"world"
    assert letters[1][b"id"] == foreign.id
    assert await redis.xlen(STREAM) == 0
    assert await pending(redis) == 0
    assert CLICK_BATCHES_DEAD.labels("sealed_otherwise")._value.get() - dead == 1


async def test_a_batch_that_the_database_refuses_goes_to_the_dead_letters_alone(
    redis: Redis, stream: ClickStream, database: Database, drain_of: Any
) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE clicks ADD CHECK (link_id <> 13)"))
    refused = batch(2, link_id=13)
    await stream.append([batch(3), refused, batch(4)])
    assert await drain_of().run_until_empty() == 7
    assert await number_of_rows(database) == 7
    [letter] = await dead_letters(redis)
    assert (letter[b"id"], letter[b"reason"]) == (refused.id, b"CheckViolationError")


async def test_a_number_too_big_for_the_database_stops_no_other_batch(
    redis: Redis, stream: ClickStream, database: Database, drain_of: Any
) -> None:
    await stream.append([batch(3), Batch(b"sixteen bytes id", [Click(2**63, 0, "", "", "")])])
    assert await drain_of().run_until_empty() == 3
    assert len(await dead_letters(redis)) == 1


@pytest.mark.parametrize("trouble", ["missing", "template1"], ids=["no database", "no tables"])
async def test_batches_outlast_a_database_that_is_not_as_it_should_be(
    redis: Redis, stream: ClickStream, settings: Settings, trouble: str
) -> None:
    name = settings.database_url.partition("?")[0].rpartition("/")[2]
    elsewhere = Database(changed(settings, database_url=settings.database_url.replace(name, trouble)))
    await stream.append([batch(3), batch(4)])
    drain = Drain(stream, elsewhere, "test")
    running = asyncio.create_task(drain.run_until_stopped())
    await eventually(lambda: pending(redis))
    drain.stop()
    assert await running == 0
    await elsewhere.close()
    assert await dead_letters(redis) == []
    assert len(await stream.claim_abandoned("test", 10, 0)) == 2


async def test_a_stream_that_was_deleted_is_made_anew(
    redis: Redis, stream: ClickStream, database: Database, drain_of: Any
) -> None:
    drain = drain_of()
    running = asyncio.create_task(drain.run_until_stopped())
    await stream.append([batch(3)])
    await eventually(lambda: number_of_rows(database))
    await redis.delete(STREAM)
    await stream.append([batch(4)])

    async def all_are_there() -> bool:
        return await number_of_rows(database) == 7

    await eventually(all_are_there)
    await redis.xgroup_destroy(STREAM, GROUP)
    await stream.append([batch(5)])

    async def more_are_there() -> bool:
        return await number_of_rows(database) == 12

    await eventually(more_are_there)
    drain.stop()
    assert await running == 12


async def test_a_new_group_begins_at_the_beginning(redis: Redis, stream: ClickStream, drain_of: Any) -> None:
    await stream.append([batch(3)])
    await stream.ensure_group()
    await stream.ensure_group()
    with pytest.raises(ResponseError):
        await redis.xgroup_create(STREAM, GROUP)
    assert await drain_of().run_until_empty() == 3


async def test_abandoned_entries_are_claimed_by_another_worker(
    redis: Redis, stream: ClickStream, drain_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.clicks.ABANDONED_AFTER_MS", 200)
    monkeypatch.setattr("workers.clicks.CLAIM_INTERVAL_S", 0.05)
    await stream.ensure_group()
    await stream.append([batch(3), batch(4)])
    assert len(await stream.read("dead worker", 10, 10)) == 2
    drain = drain_of("living worker")
    running = asyncio.create_task(drain.run_until_stopped())

    async def is_empty() -> bool:
        return await redis.xlen(STREAM) == 0

    await eventually(is_empty)
    drain.stop()
    assert await running == 7


async def test_clicks_are_written_as_soon_as_the_database_is_back(
    redis: Redis, stream: ClickStream, drain_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.clicks.RETRY_INTERVAL_S", 0.05)
    write, failures = ClickWriter.write, iter([OSError("no database")] * 3)

    async def fail_at_first(*args: Any) -> int:
        if failure := next(failures, None):
            raise failure
        return await write(*args)

    monkeypatch.setattr(ClickWriter, "write", fail_at_first)
    await stream.ensure_group()
    await stream.append([batch(3), batch(4)])
    drain = drain_of()
    running = asyncio.create_task(drain.run_until_stopped())

    async def is_empty() -> bool:
        return await redis.xlen(STREAM) == 0

    # A dead worker's entries wait for longer.
    await eventually(is_empty, within_s=ABANDONED_AFTER_MS / 2000)
    drain.stop()
    assert await running == 7


async def test_entries_that_somebody_works_on_are_not_claimed(redis: Redis, stream: ClickStream, drain_of: Any) -> None:
    await stream.ensure_group()
    await stream.append([batch(3)])
    await stream.read("another worker", 10, 10)
    assert await drain_of().run_until_empty() == 0
    assert await redis.xlen(STREAM) == 1


async def test_the_names_of_workers_long_gone_are_removed_unless_they_hold_entries(
    redis: Redis, stream: ClickStream
) -> None:
    await stream.ensure_group()
    await stream.append([batch()])
    await stream.read("holds an entry", 10, 10)
    await redis.xgroup_createconsumer(STREAM, GROUP, "idle")
    assert await stream.remove_idle_consumers(60_000) == 0
    await asyncio.sleep(0.01)
    assert await stream.remove_idle_consumers(0) == 1
    assert [each["name"] for each in await redis.xinfo_consumers(STREAM, GROUP)] == [b"holds an entry"]


class ClickBefore(msgspec.Struct, frozen=True, array_like=True):
    """A click as the version before recorded it."""

    link_id: int
    at_ms: int
    address: str
    user_agent: str
    referrer: str
    mark: int
    choice: Choice | None


def test_clicks_of_the_version_before_are_read_and_it_reads_those_of_this_one() -> None:
    before = ClickBefore(1, 2, "192.0.2.7", CHROME, "https://example.com/", 0, Choice("phones"))
    now = msgspec.msgpack.decode(msgspec.msgpack.encode([before]), type=list[Click])
    assert now == [Click(1, 2, "192.0.2.7", CHROME, "https://example.com/", 0, Choice("phones"))]
    [click] = now
    later = msgspec.structs.replace(click, query=b"qr", languages=b"de")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode([later]), type=list[ClickBefore]) == [before]
