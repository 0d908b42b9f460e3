"""The worker's heartbeat: a key in Redis that it renews and that expires when it does not."""

import time

from redis.asyncio import Redis

KEY = "worker:heartbeat"
INTERVAL_S = 2
EXPIRES_S = 10


async def beat(redis: Redis) -> None:
    await redis.set(KEY, repr(time.time()), ex=EXPIRES_S)


async def heartbeat_age_s(redis: Redis) -> float | None:
    """Seconds since a worker's last sign of life; None when there is none. Raises RedisError."""
    value = await redis.get(KEY)
    return None if value is None else max(0.0, time.time() - float(value))
