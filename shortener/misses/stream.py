"""The Redis stream of misses between web and worker. Batches are sealed as those of clicks are, since they contain
addresses."""

import asyncio

import msgspec
from redis.asyncio import Redis

from shortener.clicks.stream import Entry, Sealer, UnreadableEntry
from shortener.misses.batch import MissBatch

STREAM = "misses"
# While this number waits for the worker, web processes keep their counts.
MAX_BATCHES = 100
TIMEOUT_S = 5.0

# KEYS: the stream. ARGV: the bound, then names and values of the fields.
_APPEND = """
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
return 1
"""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(MissBatch)


class MissStream:
    """All methods raise RedisError, OSError."""

    def __init__(self, redis: Redis, sealer: Sealer) -> None:
        self._redis = redis
        self._sealer = sealer
        self._append = redis.register_script(_APPEND)

    async def append(self, batch: MissBatch) -> bool:
        """Whether there was room."""
        fields = self._sealer.seal_bytes(batch.id, _encoder.encode(batch))
        arguments = [part for field in fields.items() for part in field]
        async with asyncio.timeout(TIMEOUT_S):
            return bool(await self._append(keys=[STREAM], args=[MAX_BATCHES, *arguments]))

    async def first(self) -> Entry | None:
        """The oldest batch, which stays until it is removed."""
        found = await self._redis.xrange(STREAM, count=1)
        return Entry(*found[0]) if found else None

    async def remove(self, entry: Entry) -> None:
        await self._redis.xdel(STREAM, entry.id)

    def open(self, entry: Entry) -> MissBatch:
        """Raises UnreadableEntry."""
        _, data = self._sealer.open_bytes(entry)
        try:
            return _decoder.decode(data)
        except msgspec.MsgspecError:
            raise UnreadableEntry("not_misses") from None
