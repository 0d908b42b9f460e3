"""Parts that only workers have: the drain, the heartbeat, merges of the search index, and the worker's metrics."""

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator

import structlog
from redis.exceptions import RedisError

from shortener.clicks.parts import CLICK_STREAM
from shortener.event_loop.tasks import end
from shortener.live.publisher import ClickPublisher
from shortener.parts import Part, Parts
from shortener.places.parts import LOCATOR
from shortener.processes.heartbeats import beat, keep_beating, leave
from shortener.processes.pulse import Pulse
from shortener.stores.parts import DATABASE, REDIS
from workers.backlog import BacklogMetrics
from workers.clicks import Drain, drain_clicks
from workers.live import keep_numbering
from workers.search_index import create_merge_engine, keep_merging

log = structlog.get_logger(__name__)

LEAVE_TIMEOUT_S = 2.0

DRAIN = Part[Drain]("drain")
PUBLISHER = Part[ClickPublisher]("publisher of clicks")


def _name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


@contextlib.asynccontextmanager
async def open_merging(parts: Parts) -> AsyncIterator[None]:
    engine = create_merge_engine(parts.settings)
    merging = asyncio.create_task(keep_merging(engine))
    try:
        yield
    finally:
        await end(merging)
        await engine.dispose()


@contextlib.asynccontextmanager
async def open_worker_pulse(parts: Parts) -> AsyncIterator[None]:
    database = parts[DATABASE]
    pulse = Pulse("worker", database, BacklogMetrics(parts[CLICK_STREAM], database))
    beating = asyncio.create_task(pulse.run())
    try:
        yield
    finally:
        await end(beating)


@contextlib.asynccontextmanager
async def open_heartbeat(parts: Parts) -> AsyncIterator[None]:
    redis, name = parts[REDIS], _name()
    await beat(redis, name)
    beating = asyncio.create_task(keep_beating(redis, name))
    try:
        yield
    finally:
        await end(beating)
        with contextlib.suppress(RedisError, OSError):
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await leave(redis, name)


@contextlib.asynccontextmanager
async def open_live_work(parts: Parts) -> AsyncIterator[None]:
    parts[PUBLISHER] = publisher = ClickPublisher(parts[REDIS], parts[DATABASE])
    tasks = [asyncio.create_task(publisher.run()), asyncio.create_task(keep_numbering(parts))]
    try:
        yield
    finally:
        for task in tasks:
            await end(task)


@contextlib.asynccontextmanager
async def open_drain(parts: Parts) -> AsyncIterator[None]:
    """It finishes its round before it is closed."""
    # A process that starts again after Redis was down is the same worker, but another consumer.
    consumer = f"{_name()}-{secrets.token_hex(3)}"
    locate, written = parts[LOCATOR].locate, parts[PUBLISHER].add
    parts[DRAIN] = drain = Drain(parts[CLICK_STREAM], parts[DATABASE], consumer, locate, written)
    draining = asyncio.create_task(drain_clicks(drain))
    log.info("worker_started", consumer=consumer)
    try:
        yield
    finally:
        drain.stop()
        await asyncio.wait([draining])
