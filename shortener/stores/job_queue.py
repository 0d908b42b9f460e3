"""The arq queue: its name and the serialization of jobs, for both the web and the worker."""

from typing import Any

import orjson
from arq.connections import ArqRedis
from redis.asyncio import Redis

QUEUE = "jobs"


def serialize(job: dict[str, Any]) -> bytes:
    """JSON, not arq's pickle: write access to Redis must not allow running code in a worker."""
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
