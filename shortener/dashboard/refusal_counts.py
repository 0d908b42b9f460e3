"""How often the dashboard refuses requests, and why, counted for all web processes together."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shortener.dashboard.metrics import DASHBOARD_REFUSALS

log = structlog.get_logger(__name__)

# Refusals of this time are sent together.
_SENT_EVERY_S = 1.0
_KEPT = timedelta(days=2)


class RefusalCounts:
    """Refusals of each day (UTC) in Redis, by the type of the problem. Those that cannot be sent are lost: the metric
    has them all."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._tally: Counter[str] = Counter()
        self._sending: asyncio.Task[None] | None = None

    def count(self, problem_type: str) -> None:
        DASHBOARD_REFUSALS.labels(problem_type).inc()
        self._tally[problem_type] += 1
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_soon())

    async def of_today(self) -> dict[str, int]:
        """The most frequent first. Raises RedisError."""
        found: dict[bytes, bytes] = await self._redis.hgetall(_key_of_today())  # type: ignore[misc]
        counts = {name.decode(): int(count) for name, count in found.items()}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    async def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        await self._send()

    async def _send_soon(self) -> None:
        await asyncio.sleep(_SENT_EVERY_S)
        self._sending = None
        await self._send()

    async def _send(self) -> None:
        tally, self._tally = self._tally, Counter()
        if not tally:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for problem_type, count in tally.items():
            pipeline.hincrby(_key_of_today(), problem_type, count)
        pipeline.expire(_key_of_today(), _KEPT)
        try:
            await pipeline.execute()
        except (RedisError, OSError) as error:
            log.warning("refusals_not_counted", refusals=tally.total(), error=repr(error))


def _key_of_today() -> str:
    return f"refusals:{datetime.now(UTC):%Y-%m-%d}"
