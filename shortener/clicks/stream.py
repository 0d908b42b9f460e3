"""The Redis stream between web and worker: names, sealing, appending, reading, acknowledging, dead letters.

Entries are sealed (AES-256-GCM), because they contain IP addresses and Redis writes its data to disk. Each batch has
its own key, derived from the secret and the batch's id, so that no nonce is used twice.
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

# KEYS: the stream. ARGV: the group, and ids. Deletes only entries that were taken: if somebody deletes the stream,
# Redis numbers from the beginning, and in the same millisecond a new entry gets the id of one that a worker still
# holds.
_ACKNOWLEDGE = """
for n = 2, #ARGV do
    if redis.call('XACK', KEYS[1], ARGV[1], ARGV[n]) == 1 then redis.call('XDEL', KEYS[1], ARGV[n]) end
end
"""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Click])


class UnreadableEntry(Exception):
    """An entry that is foreign, cut off, or sealed with another secret; the message says which."""


class Entry(NamedTuple):
    """An entry as Redis stores it."""

    id: bytes
    fields: dict[bytes, bytes]


class Backlog(NamedTuple):
    """Numbers of batches: in the stream, not yet taken, taken but not yet written; the oldest one's age; dead
    letters."""

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
        return self.seal_bytes(batch.id, _encoder.encode(batch.clicks))

    def seal_bytes(self, batch_id: bytes, data: bytes) -> dict[bytes, bytes]:
        """The fields of an entry. No two batches may have the same id."""
        return {_ID: batch_id, _BOX: self._cipher(batch_id).encrypt(_NONCE, data, batch_id)}

    def open(self, entry: Entry) -> Batch:
        """Raises UnreadableEntry."""
        batch_id, data = self.open_bytes(entry)
        try:
            return Batch(batch_id, _decoder.decode(data))
        except msgspec.MsgspecError:
            raise UnreadableEntry("not_clicks") from None

    def open_bytes(self, entry: Entry) -> tuple[bytes, bytes]:
        """The id of the batch, and what was sealed. Raises UnreadableEntry."""
        batch_id, box = entry.fields.get(_ID), entry.fields.get(_BOX)
        if batch_id is None or len(batch_id) != 16 or box is None:
            raise UnreadableEntry("not_a_batch")
        try:
            return batch_id, self._cipher(batch_id).decrypt(_NONCE, box, batch_id)
        except InvalidTag:
            raise UnreadableEntry("sealed_otherwise") from None


async def oldest_age_s(redis: Redis) -> float:
    """Age in seconds of the oldest batch that is not yet in the database, by Redis's clock; 0 without one. Raises
    RedisError."""
    pipeline = redis.pipeline(transaction=False)
    pipeline.xrange(STREAM, count=1)
    pipeline.time()
    first, now = await pipeline.execute()
    return _age_s(first, now)


def _age_s(first: list[Any], now: tuple[int, int]) -> float:
    """The age of the first entry, whose id begins with its arrival in milliseconds."""
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
        """Store these batches in order. After an error some may be stored; appending them again is safe."""
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
        """Close the connection that `append` has opened."""
        await self._round_trips.close()

    async def ensure_group(self) -> bool:
        """Create stream and group if they are missing, and return whether they were; a new group starts at the stream's
        beginning."""
        try:
            await self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
            return False
        return True

    async def read(self, consumer: str, count: int, block_ms: int) -> list[Entry]:
        """New entries; waits at most `block_ms` for the first."""
        answer = await self._redis.xreadgroup(GROUP, consumer, {STREAM: ">"}, count=count, block=block_ms)
        return [Entry(*entry) for _, entries in answer for entry in entries]

    async def claim_abandoned(self, consumer: str, count: int, min_idle_ms: int) -> list[Entry]:
        """Entries that some consumer took and did not acknowledge for `min_idle_ms`."""
        answer = await self._redis.xautoclaim(
            STREAM, GROUP, consumer, min_idle_time=min_idle_ms, start_id="0-0", count=count
        )
        # Redis reports entries that somebody deleted once.
        CLICK_BATCHES_VANISHED.inc(len(answer[2]) if len(answer) > 2 else 0)
        return [Entry(*entry) for entry in answer[1] if entry[1]]

    async def release(self, consumer: str, ids: Sequence[bytes], idle_ms: int) -> None:
        """Let these entries, as far as they are not acknowledged, count as abandoned for `idle_ms`."""
        await self._redis.xclaim(STREAM, GROUP, consumer, 0, list(ids), idle=idle_ms, justid=True)

    async def acknowledge(self, ids: list[bytes]) -> None:
        """Acknowledge and delete these entries; nothing else trims the stream."""
        await self._acknowledge(keys=[STREAM], args=[GROUP, *ids])

    async def bury(self, entry: Entry, reason: str) -> None:
        """Move an entry that cannot be counted to the dead letters, unchanged."""
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.xadd(DEAD_STREAM, entry.fields | {REASON: reason.encode()})  # type: ignore[arg-type]
        await self._acknowledge(keys=[STREAM], args=[GROUP, entry.id], client=pipeline)
        await pipeline.execute()

    async def backlog(self) -> Backlog:
        """The batches that wait in the stream and in the dead letters."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.xlen(STREAM)
        pipeline.xlen(DEAD_STREAM)
        pipeline.xrange(STREAM, count=1)
        pipeline.time()
        pipeline.xinfo_groups(STREAM)
        entries, dead, first, now, groups = await pipeline.execute()
        group: dict[str, Any] = next((group for group in groups if group["name"] == GROUP.encode()), {})
        # Redis does not know the lag after entries were deleted out of order.
        lag = group.get("lag")
        pending = int(group.get("pending", 0))
        return Backlog(entries, entries - pending if lag is None else int(lag), pending, _age_s(first, now), dead)

    async def remove_idle_consumers(self, idle_ms: int) -> int:
        """Delete the names of workers that ended long ago. One with entries stays until they are claimed."""
        removed = 0
        for consumer in await self._redis.xinfo_consumers(STREAM, GROUP):
            if consumer["pending"] == 0 and consumer["idle"] > idle_ms:
                await self._redis.xgroup_delconsumer(STREAM, GROUP, consumer["name"])
                removed += 1
        return removed

    def open(self, entry: Entry) -> Batch:
        """Raises UnreadableEntry."""
        return self._sealer.open(entry)
