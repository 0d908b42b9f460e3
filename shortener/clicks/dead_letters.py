"""Batches that could not be counted, kept unchanged until somebody fixes the cause."""

from datetime import UTC, datetime
from typing import NamedTuple

from redis.asyncio import Redis

from shortener.clicks.stream import DEAD_STREAM, REASON, STREAM

_BATCH_SIZE = 100


class DeadLetter(NamedTuple):
    """`reason` is that of `batch_buried` in the worker's log."""

    id: str
    reason: str
    buried_at: datetime


class DeadLetters:
    """The stream of dead letters, oldest first. All methods raise RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def oldest(self, limit: int) -> list[DeadLetter]:
        found = await self._redis.xrange(DEAD_STREAM, count=limit)
        return [
            DeadLetter(entry_id.decode(), fields.get(REASON, b"").decode(errors="replace"), _moment(entry_id))
            for entry_id, fields in found
        ]

    async def replay(self, limit: int | None = None) -> int:
        """Move letters back into the stream; returns their number.

        They keep the ids of their batches, so nothing is counted twice. One that is still unreadable comes back as a
        new letter, and is not tried again by this call.
        """
        newest = await self._redis.xrevrange(DEAD_STREAM, count=1)
        replayed = 0
        while newest and (limit is None or replayed < limit):
            count = _BATCH_SIZE if limit is None else min(_BATCH_SIZE, limit - replayed)
            letters = await self._redis.xrange(DEAD_STREAM, max=newest[0][0], count=count)
            if not letters:
                break
            # In one transaction, so that a letter is always in one of the streams. In both it would still be counted
            # once.
            pipeline = self._redis.pipeline(transaction=True)
            for entry_id, fields in letters:
                pipeline.xadd(STREAM, {name: value for name, value in fields.items() if name != REASON})
                pipeline.xdel(DEAD_STREAM, entry_id)
            await pipeline.execute()
            replayed += len(letters)
        return replayed


def _moment(entry_id: bytes) -> datetime:
    """Ids of Redis entries begin with the time of their arrival, in milliseconds."""
    return datetime.fromtimestamp(int(entry_id.split(b"-")[0]) / 1000, UTC)
