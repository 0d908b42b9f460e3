"""The worker: its jobs, its schedule, and what they share."""

import asyncio
import contextlib
import gc
import os
import secrets
import signal
import socket
from datetime import UTC
from typing import Any

import httpx
import structlog
from arq import cron
from arq.worker import Worker, get_kwargs
from redis.exceptions import RedisError

from shortener.clicks.stream import ClickStream, Sealer
from shortener.event_loop.tasks import end
from shortener.observability.exposition import serving_own_metrics
from shortener.observability.logging import configure_logging
from shortener.processes.heartbeats import beat, keep_beating, leave
from shortener.processes.pulse import Pulse
from shortener.screening.feeds import feeds_of
from shortener.settings import Settings, get_settings
from shortener.stores.database import Database
from shortener.stores.job_queue import QUEUE, create_queue, deserialize, serialize
from shortener.stores.redis import create_redis
from workers.alone import alone
from workers.backlog import BacklogMetrics
from workers.clicks import Drain, drain_clicks
from workers.destinations import check_destinations
from workers.figures import sum_up_breakdowns
from workers.links import evict_changed
from workers.moderation import complete_bans
from workers.partitions import create_partitions
from workers.retention import forget, forget_audit
from workers.search_index import create_merge_engine, keep_merging

log = structlog.get_logger(__name__)

RESTART_PAUSE_S = 1.0
# A round makes hundreds of thousands of objects that do not refer to each other in circles. With the usual threshold
# a sixth of the processor's time goes into looking for circles.
GC_THRESHOLD = 500_000
CLOSE_TIMEOUT_S = 2.0

# Whichever worker is the first to look takes a job. Drain, heartbeat and merges are no jobs: they run in each worker,
# from its start to its end.
SCHEDULE = [
    cron(alone(evict_changed), second=set(range(0, 60, 2)), run_at_startup=True, keep_result=0, max_tries=1),
    cron(alone(check_destinations), second=set(range(0, 60, 5)), keep_result=0, max_tries=1),
    cron(alone(complete_bans), minute=None, second=11, keep_result=0, max_tries=1),
    cron(create_partitions, hour=None, minute=7, run_at_startup=True, keep_result=0, max_tries=3),
    cron(sum_up_breakdowns, hour=None, minute=37, run_at_startup=True, keep_result=0, max_tries=1),
    cron(forget, hour=3, minute=21, run_at_startup=True, keep_result=0, max_tries=3),
    cron(forget_audit, hour=None, minute=23, run_at_startup=True, keep_result=0, max_tries=3),
]


async def startup(ctx: dict[str, Any]) -> None:
    settings: Settings = ctx["settings"]
    ctx["database"] = Database(settings)
    ctx["feed_client"] = httpx.AsyncClient()
    ctx["feeds"] = feeds_of(settings, ctx["feed_client"])
    ctx["stream"] = ClickStream(ctx["redis"], Sealer(settings.secret_key.get_secret_value()))
    # A process that starts again, as Redis was away, is the same worker and another consumer.
    ctx["name"] = f"{socket.gethostname()}-{os.getpid()}"
    consumer = f"{ctx['name']}-{secrets.token_hex(3)}"
    ctx["drain"] = Drain(ctx["stream"], ctx["database"], consumer)
    await beat(ctx["redis"], ctx["name"])
    ctx["beating"] = asyncio.create_task(keep_beating(ctx["redis"], ctx["name"]))
    ctx["draining"] = asyncio.create_task(drain_clicks(ctx["drain"]))
    pulse = Pulse("worker", ctx["database"], BacklogMetrics(ctx["stream"], ctx["database"]))
    ctx["pulse"] = asyncio.create_task(pulse.run())
    ctx["merge_engine"] = create_merge_engine(settings)
    ctx["merging"] = asyncio.create_task(keep_merging(ctx["merge_engine"]))
    log.info("worker_started", consumer=consumer)


async def shutdown(ctx: dict[str, Any]) -> None:
    """Let the drain finish its round, then close. May be called twice, and after a start that failed."""
    if "draining" in ctx:
        ctx["drain"].stop()
        await asyncio.wait([ctx["draining"]])
    if "beating" in ctx:
        await end(ctx.pop("beating"))
        with contextlib.suppress(RedisError, OSError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await leave(ctx["redis"], ctx["name"])
    for task in ("pulse", "merging"):
        if task in ctx:
            await end(ctx[task])
    if "merge_engine" in ctx:
        await ctx["merge_engine"].dispose()
    if "feed_client" in ctx:
        await ctx["feed_client"].aclose()
    if "database" in ctx:
        await ctx["database"].close()


class ShortenerWorker(Worker):
    """arq's worker, which on SIGTERM stops the drain at once, not only when its jobs are done."""

    def run(self) -> None:
        """What arq's command calls."""
        self.loop.run_until_complete(run())

    def _end_main(self, _: signal.Signals) -> None:
        """arq cancels its main task once; while redis-py connects that can get lost, and the worker would not end."""
        if self.main_task is not None:
            self._ending = asyncio.create_task(end(self.main_task))

    def handle_sig_wait_for_completion(self, signum: signal.Signals) -> None:
        self.on_stop = self._end_main
        self.ctx["stopping"].set()
        drain: Drain | None = self.ctx.get("drain")
        if drain is not None:
            drain.stop()
        super().handle_sig_wait_for_completion(signum)


def worker_settings() -> type:
    """Settings for arq, from ours. Raises SettingsError."""
    settings = get_settings()
    settings.require("database_url", "redis_url", "secret_key")
    configure_logging(settings)
    attributes = {
        "cron_jobs": SCHEDULE,
        "redis_pool": create_queue(create_redis(settings.redis_url)),
        "queue_name": QUEUE,
        "job_serializer": serialize,
        "job_deserializer": deserialize,
        "on_startup": startup,
        "on_shutdown": shutdown,
        "ctx": {"settings": settings},
        # What arq's command makes of these settings only starts `run`.
        "handle_signals": False,
        "max_jobs": 20,
        "job_timeout": 60,
        "job_completion_wait": 30,
        "poll_delay": 0.25,
        "health_check_interval": 5,
        "timezone": UTC,
    }
    return type("WorkerSettings", (), attributes)


async def run() -> None:
    """Work until SIGTERM or SIGINT. A Redis that goes away ends arq's worker; another is started until it is back.

    Raises SettingsError, MetricsPortInUse.
    """
    with serving_own_metrics(get_settings()):
        await _run()


async def _run() -> None:
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    stopping = asyncio.Event()
    while not stopping.is_set():
        attributes: dict[str, Any] = dict(get_kwargs(worker_settings()))
        attributes["ctx"] |= {"stopping": stopping}
        worker = ShortenerWorker(**attributes | {"handle_signals": True})
        try:
            await worker.async_run()
        except asyncio.CancelledError:
            if not stopping.is_set():
                raise
        except (RedisError, OSError) as error:
            log.warning("worker_lost_redis", error=repr(error))
        finally:
            await _close(worker)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), RESTART_PAUSE_S)


async def _close(worker: Worker) -> None:
    for task in worker.tasks.values():
        task.cancel()
    if worker.tasks:
        await asyncio.wait(worker.tasks.values(), timeout=CLOSE_TIMEOUT_S)
    worker.tasks.clear()
    # arq calls it only where Redis answers.
    await shutdown(worker.ctx)
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await worker.close()
    except (RedisError, OSError) as error:
        log.warning("worker_not_closed", error=repr(error))
