"""The arq queue: its name and how jobs are written, the same for whoever enqueues and for the worker."""

from typing import Any

import orjson
from arq.connections import ArqRedis
from redis.asyncio import Redis

QUEUE = "jobs"


def serialize(job: dict[str, Any]) -> bytes:
    """JSON, not arq's pickle: whoever can write to Redis must not be able to run code in a worker."""
    return orjson.dumps(job, default=str)


def deserialize(data: bytes) -> dict[str, Any]:
    job: dict[str, Any] = orjson.loads(data)
    return job


def create_queue(redis: Redis) -> ArqRedis:
    return ArqRedis(
        pool_or_conn=redis.connection_pool,
        job_serializer=serialize,
        job_deserializer=deserialize,
        default_queue_name=QUEUE,
    )
