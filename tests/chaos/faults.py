"""The faults: what is done to the site, how often, and what may be lost by it."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

import asyncpg
import pytest
from redis.exceptions import RedisError

from shortener.clicks.event import Click, new_batch
from shortener.clicks.stream import DEAD_STREAM, STREAM, Entry, Sealer
from tests.chaos.disks import Disk
from tests.chaos.load import AGENTS, REFERRER, Answered, Load
from tests.chaos.site import Part, Site
from tests.conftest import SECRET, eventually


@dataclass
class Scene:
    """The things that a fault may break. It lasts for `hold_s` where it is one that lasts."""

    site: Site
    load: Load
    links: Mapping[str, int]
    hold_s: float
    # Clicks that this fault has taken with it, as it may.
    taken: set[int] = field(default_factory=set)

    async def hold(self) -> None:
        await asyncio.sleep(self.hold_s)


Inject = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """`inject` does it, and heals it. `loses_s`: clicks answered so shortly before may be lost. `goes_on`: links in
    memory redirect meanwhile, and neither connections nor clicks pile up; `is_unfelt`: hardly slower. `takes_advance`:
    limited links may give fewer destinations, by what web processes had in advance."""

    name: str
    promise: str
    inject: Inject
    # How often, and for how long, in the short form and in the long one.
    times: tuple[int, int]
    hold_s: tuple[float, float] = (0.0, 0.0)
    loses_s: float = 0.0
    goes_on: bool = False
    is_unfelt: bool = False
    takes_advance: bool = False
    small_disks: bool = False
    site: Mapping[str, str] = field(default_factory=dict)


def _killing(pick: Callable[[Site], Part]) -> Inject:
    async def inject(scene: Scene) -> None:
        part = pick(scene.site)
        await part.kill()
        await part.start()

    return inject


kill_worker = _killing(lambda site: random.choice(site.workers))
kill_valkey = _killing(lambda site: site.valkey)
kill_postgres = _killing(lambda site: site.postgres)
_kill_web = _killing(lambda site: random.choice(site.webs))


async def kill_web(scene: Scene) -> None:
    await _kill_web(scene)
    await scene.site.until_all_serve()


def _lasting(begun: Callable[[Site], contextlib.AbstractAsyncContextManager[None]]) -> Inject:
    """A fault that is there for as long as the scene holds it."""

    async def inject(scene: Scene) -> None:
        async with begun(scene.site):
            await scene.hold()

    return inject


@contextlib.asynccontextmanager
async def _hung(part: Part) -> AsyncIterator[None]:
    part.hang()
    try:
        yield
    finally:
        part.go_on()


hang_valkey = _lasting(lambda site: _hung(site.valkey))
hang_postgres = _lasting(lambda site: _hung(site.postgres))
hang_worker = _lasting(lambda site: _hung(site.workers[0]))


@contextlib.asynccontextmanager
async def _away(*parts: Part) -> AsyncIterator[None]:
    for part in parts:
        await part.stop()
    try:
        yield
    finally:
        for part in parts:
            await part.start()


without_valkey = _lasting(lambda site: _away(site.valkey))
without_postgres = _lasting(lambda site: _away(site.postgres))
without_both = _lasting(lambda site: _away(site.valkey, site.postgres))


@contextlib.asynccontextmanager
async def _full(disk: Disk) -> AsyncIterator[None]:
    disk.fill()
    try:
        yield
    finally:
        disk.free()


async def fill_valkey_disk(scene: Scene) -> None:
    redis = scene.site.redis

    async def is_felt() -> bool:
        try:
            return bool((await redis.info("persistence"))["aof_last_write_status"] == "err")
        except RedisError:
            return not scene.site.valkey.is_running

    async with _full(scene.site.valkey_disk):
        await eventually(is_felt, within_s=20)
        await scene.hold()
    await _start_if_ended(scene.site.valkey)


async def fill_postgres_disk(scene: Scene) -> None:
    """When it needs another file for its log, PostgreSQL ends itself."""
    async with _full(scene.site.postgres_disk):
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await _add_much(scene.site)
        await scene.hold()
    await _start_if_ended(scene.site.postgres)


async def _add_much(site: Site) -> None:
    connection = await site.connect()
    try:
        await connection.execute("CREATE TABLE too_much AS SELECT generate_series(1, 100000)")
    finally:
        connection.terminate()


async def _start_if_ended(part: Part) -> None:
    if not part.is_running:
        await part.start()


async def _wipe(scene: Scene, *command: str) -> None:
    """In one transaction with a look at what is taken."""
    pipeline = scene.site.redis.pipeline(transaction=True)
    pipeline.xrange(STREAM)
    pipeline.execute_command(*command)
    entries, _ = await pipeline.execute()
    sealer = Sealer(SECRET)
    for entry in entries:
        scene.taken |= {_number(click) for click in sealer.open(Entry(*entry)).clicks}


def _number(click: Click) -> int:
    return int(click.referrer.removeprefix(REFERRER))


async def delete_stream(scene: Scene) -> None:
    await _wipe(scene, "DEL", STREAM)


async def flush_all(scene: Scene) -> None:
    await _wipe(scene, "FLUSHALL")


def _click(scene: Scene) -> Click:
    """A click that counts as an answered one."""
    code, link_id = random.choice(list(scene.links.items()))
    number = scene.load.next_number()
    scene.load.answered[number] = Answered(code, time.monotonic(), 0.0)
    return Click(link_id, round(time.time() * 1000), "93.184.0.1", AGENTS[0], f"{REFERRER}{number}")


async def poison(scene: Scene) -> None:
    """An entry that cannot be read, and a letter that can be, now that its reason is mended."""
    redis = scene.site.redis
    await redis.xadd(STREAM, {b"hello": b"world"})
    await redis.xadd(STREAM, Sealer("another secret of another service").seal(new_batch([_click_of_nobody()])))  # type: ignore[arg-type]
    await eventually(lambda: _are_dead(scene, 2), within_s=20)
    await redis.delete(DEAD_STREAM)
    letter = Sealer(SECRET).seal(new_batch([_click(scene)]))
    await redis.xadd(DEAD_STREAM, letter | {b"reason": b"sealed_otherwise"})  # type: ignore[arg-type]
    assert await scene.site.command("clicks", "replay") == "1\n"


def _click_of_nobody() -> Click:
    return Click(1, round(time.time() * 1000), "93.184.0.1", AGENTS[0], "")


async def _are_dead(scene: Scene, number: int) -> bool:
    return bool(await scene.site.redis.xlen(DEAD_STREAM) == number)


async def roll_over(scene: Scene) -> None:
    """Each process is ended by SIGTERM and started again, as in an upgrade."""
    for part in (*scene.site.webs, *scene.site.workers):
        await part.stop()
        await part.start()
        await scene.site.until_all_serve()


_NONE = "no answered click is lost, none is counted twice"

FAULTS = (
    Fault("kill -9 of a web process", _NONE, kill_web, (1, 10), takes_advance=True),
    Fault(
        "kill -9 of a web process, `SHORTENER_CLICK_ACK=memory`",
        "what was answered during two round trips to Redis can be lost",
        kill_web,
        (1, 10),
        loses_s=0.1,
        takes_advance=True,
        site={"click_ack": "memory"},
    ),
    Fault(
        "SIGTERM of web processes and workers, `SHORTENER_CLICK_ACK=memory`",
        _NONE,
        roll_over,
        (1, 2),
        site={"click_ack": "memory"},
    ),
    Fault("SIGTERM of web processes and workers", _NONE, roll_over, (0, 2)),
    Fault("kill -9 of a worker", _NONE, kill_worker, (3, 100)),
    Fault("SIGSTOP of a worker, beyond the claim time", _NONE, hang_worker, (1, 1), (2.5, 15)),
    Fault(
        "kill -9 of Valkey, `appendfsync everysec`",
        "what Valkey had not yet handed to the system, two seconds at most, can be lost",
        kill_valkey,
        (2, 20),
        loses_s=2.0,
    ),
    Fault("kill -9 of Valkey, `appendfsync always`", _NONE, kill_valkey, (2, 20), site={"appendfsync": "always"}),
    Fault("kill -9 of PostgreSQL", _NONE, kill_postgres, (2, 12), takes_advance=True),
    Fault(
        "SIGSTOP of Valkey",
        f"{_NONE}; redirects go on, at most three times slower",
        hang_valkey,
        (1, 1),
        (2.5, 15),
        goes_on=True,
        is_unfelt=True,
    ),
    Fault(
        "SIGSTOP of PostgreSQL",
        f"{_NONE}; redirects go on",
        hang_postgres,
        (1, 1),
        (2.5, 15),
        goes_on=True,
        takes_advance=True,
    ),
    Fault(
        "Valkey away for a minute",
        f"{_NONE}; redirects go on, at most three times slower",
        without_valkey,
        (1, 1),
        (2.5, 60),
        goes_on=True,
        is_unfelt=True,
    ),
    Fault(
        "PostgreSQL away for ten minutes, ten times faster",
        f"{_NONE}; redirects go on",
        without_postgres,
        (1, 1),
        (2.5, 60),
        goes_on=True,
        takes_advance=True,
        site={"cache_ttl_s": "360", "cache_missing_ttl_s": "3"},
    ),
    Fault(
        "both away",
        f"{_NONE}; links in memory redirect",
        without_both,
        (1, 1),
        (2, 15),
        goes_on=True,
        takes_advance=True,
    ),
    Fault("the stream is deleted", "what was in it is lost, nothing else", delete_stream, (2, 12)),
    Fault("FLUSHALL", "what was in the stream is lost, nothing else", flush_all, (2, 12)),
    Fault("an entry that cannot be read", "it goes to the dead letters, the others are counted", poison, (1, 5)),
    # Last, as these need a site of their own.
    Fault(
        "the disk of Valkey is full, `appendfsync everysec`",
        f"{_NONE}; redirects go on",
        fill_valkey_disk,
        (1, 2),
        (2.5, 10),
        goes_on=True,
        small_disks=True,
    ),
    Fault(
        "the disk of Valkey is full, `appendfsync always`: it ends itself",
        f"{_NONE}; redirects go on",
        fill_valkey_disk,
        (1, 2),
        (2.5, 10),
        goes_on=True,
        small_disks=True,
        site={"appendfsync": "always"},
    ),
    Fault(
        "the disk of PostgreSQL is full",
        f"{_NONE}; redirects go on",
        fill_postgres_disk,
        (1, 2),
        (2.5, 15),
        goes_on=True,
        takes_advance=True,
        small_disks=True,
    ),
)


def forgivable(
    fault: Fault, load: Load, began_s: Iterable[float], ended_s: Iterable[float], lost: set[int]
) -> set[int]:
    """Of what is lost, that which was answered so shortly before a fault that its promise leaves it out."""
    spans = [(began - fault.loses_s, ended) for began, ended in zip(began_s, ended_s, strict=True)]
    if not fault.loses_s:
        return set()

    def is_close(answered: Answered) -> bool:
        return any(start <= answered.at_s <= end for start, end in spans)

    return {number for number in lost if is_close(load.answered[number])}
