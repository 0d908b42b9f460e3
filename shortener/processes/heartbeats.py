"""Heartbeats of the workers: a sorted set in Redis with each worker's last one, by Redis's clock."""

import asyncio

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

KEY = "worker:heartbeats"
INTERVAL_S = 2.0
SILENT_AFTER_S = 10.0
# A worker that ended without `leave` is reported for this long.
FORGOTTEN_AFTER_S = 3600

_BEAT = """
local now = redis.call('TIME')
redis.call('ZADD', KEYS[1], now[1] + now[2] / 1e6, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now[1] - ARGV[2])
"""


async def beat(redis: Redis, worker: str) -> None:
    """Raises RedisError."""
    await redis.execute_command("EVAL", _BEAT, 1, KEY, worker, FORGOTTEN_AFTER_S)  # type: ignore[no-untyped-call]


async def keep_beating(redis: Redis, worker: str) -> None:
    """Until cancelled. A task of each worker, because a job of the queue runs on only one."""
    while True:
        try:
            await beat(redis, worker)
        except (RedisError, OSError) as error:
            log.debug("no_heartbeat", error=repr(error))
        await asyncio.sleep(INTERVAL_S)


async def leave(redis: Redis, worker: str) -> None:
    """Remove a worker that ends. Raises RedisError."""
    await redis.zrem(KEY, worker)


async def heartbeats(redis: Redis) -> dict[str, float]:
    """Seconds since each worker's last heartbeat, the latest first. Raises RedisError."""
    pipeline = redis.pipeline(transaction=False)
    pipeline.time()
    pipeline.zrange(KEY, 0, -1, desc=True, withscores=True)
    (seconds, microseconds), found = await pipeline.execute()
    now_s = seconds + microseconds / 1e6
    return {worker.decode(): max(0.0, now_s - at_s) for worker, at_s in found}


async def is_any_well(redis: Redis) -> bool:
    """Whether a worker has reported within the last seconds. Raises RedisError."""
    return any(age_s <= SILENT_AFTER_S for age_s in (await heartbeats(redis)).values())
