"""The Redis stream between web and worker: names, sealing, appending, reading, acknowledging, dead letters.

Entries are sealed (AES-256-GCM), since they hold IP addresses and Redis writes what it holds to disk. Each
batch has a key of its own, derived from the secret and the batch's id, so that no nonce is ever used twice.
"""

import hashlib
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shortener.clicks.event import Batch, Click
from shortener.clicks.metrics import CLICK_BATCHES_VANISHED
from shortener.clicks.recorder import Rider
from shortener.stores.redis import Command, RoundTrips

STREAM = "clicks"
GROUP = "workers"
DEAD_STREAM = "clicks:dead"
REASON = b"reason"

_ID, _BOX = b"id", b"box"
_NONCE = bytes(12)

# The stream; the group, and ids. Only what was taken is deleted: when somebody deletes the stream, Redis counts from
# the beginning, and in the same millisecond an entry gets the id of one that a worker still holds.
_ACKNOWLEDGE = """
for n = 2, #ARGV do
    if redis.call('XACK', KEYS[1], ARGV[1], ARGV[n]) == 1 then redis.call('XDEL', KEYS[1], ARGV[n]) end
end
"""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Click])


class UnreadableEntry(Exception):
    """An entry that is not ours, was cut, or was sealed with another secret; the message says which."""


class Entry(NamedTuple):
    """An entry as Redis holds it."""

    id: bytes
    fields: dict[bytes, bytes]


class Backlog(NamedTuple):
    """Batches in the stream, not yet taken by a worker, taken and not yet written; the oldest's age; dead letters."""

    entries: int
    lag: int
    pending: int
    oldest_s: float
    dead: int


class Sealer:
    """Seals and opens batches; web and worker need the same secret."""

    def __init__(self, secret: str) -> None:
        self._secret = hashlib.sha256(secret.encode()).digest()

    def _cipher(self, batch_id: bytes) -> AESGCM:
        return AESGCM(hashlib.blake2b(batch_id, key=self._secret, person=b"click-batch", digest_size=32).digest())

    def seal(self, batch: Batch) -> dict[bytes, bytes]:
        box = self._cipher(batch.id).encrypt(_NONCE, _encoder.encode(batch.clicks), batch.id)
        return {_ID: batch.id, _BOX: box}

    def open(self, entry: Entry) -> Batch:
        """Raises UnreadableEntry."""
        batch_id, box = entry.fields.get(_ID), entry.fields.get(_BOX)
        if batch_id is None or len(batch_id) != 16 or box is None:
            raise UnreadableEntry("not_a_batch")
        try:
            return Batch(batch_id, _decoder.decode(self._cipher(batch_id).decrypt(_NONCE, box, batch_id)))
        except InvalidTag:
            raise UnreadableEntry("sealed_otherwise") from None
        except msgspec.MsgspecError:
            raise UnreadableEntry("not_clicks") from None


async def oldest_age_s(redis: Redis) -> float:
    """Seconds since the oldest batch that is not yet in the database came, by Redis's clock; 0 where there is none.
    Raises RedisError."""
    pipeline = redis.pipeline(transaction=False)
    pipeline.xrange(STREAM, count=1)
    pipeline.time()
    first, now = await pipeline.execute()
    return _age_s(first, now)


def _age_s(first: list[Any], now: tuple[int, int]) -> float:
    """Of the first entry. Its id begins with the milliseconds at which it came."""
    if not first:
        return 0.0
    return max(0.0, now[0] + now[1] / 1e6 - int(first[0][0].partition(b"-")[0]) / 1000)


class ClickStream:
    """The stream and its consumer group. All methods raise RedisError."""

    def __init__(self, redis: Redis, sealer: Sealer) -> None:
        self._redis = redis
        self._round_trips = RoundTrips(redis)
        self._acknowledge = redis.register_script(_ACKNOWLEDGE)
        self._sealer = sealer

    async def append(self, batches: list[Batch], riders: Sequence[Rider] = ()) -> None:
        """Store these batches, in order. After an error some may be stored: appending again is safe."""
        commands: list[Command] = [
            ("XADD", STREAM, "*", *chain.from_iterable(self._sealer.seal(batch).items())) for batch in batches
        ]
        ends = []
        for rider in riders:
            commands += rider.board()
            ends.append(len(commands))
        if commands:
            replies = await self._round_trips.send(commands)
            for rider, start, end in zip(riders, [len(batches), *ends], ends, strict=False):
                rider.arrive(replies[start:end])

    async def close(self) -> None:
        """Close the connection that appending has opened."""
        await self._round_trips.close()

    async def ensure_group(self) -> bool:
        """Create stream and group where they are missing, and tell whether they were; a new group starts at the
        stream's beginning."""
        try:
            await self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
            return False
        return True

    async def read(self, consumer: str, count: int, block_ms: int) -> list[Entry]:
        """New entries; waits for the first at most `block_ms`."""
        answer = await self._redis.xreadgroup(GROUP, consumer, {STREAM: ">"}, count=count, block=block_ms)
        return [Entry(*entry) for _, entries in answer for entry in entries]

    async def claim_abandoned(self, consumer: str, count: int, min_idle_ms: int) -> list[Entry]:
        """Entries that some consumer took and did not acknowledge for `min_idle_ms`."""
        answer = await self._redis.xautoclaim(
            STREAM, GROUP, consumer, min_idle_time=min_idle_ms, start_id="0-0", count=count
        )
        # Redis names those that somebody else has deleted, once.
        CLICK_BATCHES_VANISHED.inc(len(answer[2]) if len(answer) > 2 else 0)
        return [Entry(*entry) for entry in answer[1] if entry[1]]

    async def acknowledge(self, ids: list[bytes]) -> None:
        """Done with these: nothing else trims the stream."""
        await self._acknowledge(keys=[STREAM], args=[GROUP, *ids])

    async def bury(self, entry: Entry, reason: str) -> None:
        """Move an entry that cannot be counted to the dead letters, as it is."""
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.xadd(DEAD_STREAM, entry.fields | {REASON: reason.encode()})  # type: ignore[arg-type]
        await self._acknowledge(keys=[STREAM], args=[GROUP, entry.id], client=pipeline)
        await pipeline.execute()

    async def backlog(self) -> Backlog:
        """What waits in the stream, and beside it."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.xlen(STREAM)
        pipeline.xlen(DEAD_STREAM)
        pipeline.xrange(STREAM, count=1)
        pipeline.time()
        pipeline.xinfo_groups(STREAM)
        entries, dead, first, now, groups = await pipeline.execute()
        group: dict[str, Any] = next((group for group in groups if group["name"] == GROUP.encode()), {})
        # Redis knows no lag where entries were deleted out of order.
        lag = group.get("lag")
        pending = int(group.get("pending", 0))
        return Backlog(entries, entries - pending if lag is None else int(lag), pending, _age_s(first, now), dead)

    async def remove_idle_consumers(self, idle_ms: int) -> int:
        """Names of workers long gone. One that still holds entries stays until they are claimed."""
        removed = 0
        for consumer in await self._redis.xinfo_consumers(STREAM, GROUP):
            if consumer["pending"] == 0 and consumer["idle"] > idle_ms:
                await self._redis.xgroup_delconsumer(STREAM, GROUP, consumer["name"])
                removed += 1
        return removed

    def open(self, entry: Entry) -> Batch:
        """Raises UnreadableEntry."""
        return self._sealer.open(entry)
