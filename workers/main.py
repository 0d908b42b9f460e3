"""The worker: its jobs, its schedule, and what they share."""

import asyncio
import contextlib
import gc
import signal
from datetime import UTC
from typing import Any

import structlog
from arq import cron
from arq.worker import Worker, get_kwargs
from redis.exceptions import RedisError

from shortener.clicks.parts import open_click_stream
from shortener.event_loop.tasks import end
from shortener.misses.parts import open_miss_stream
from shortener.observability.exposition import serving_own_metrics
from shortener.observability.logging import configure_logging
from shortener.parts import Parts
from shortener.places.parts import open_locator
from shortener.screening.parts import open_feeds
from shortener.settings import get_settings
from shortener.stores.job_queue import QUEUE, create_queue, deserialize, serialize
from shortener.stores.parts import REDIS, open_database, open_fixed_settings
from shortener.stores.redis import create_redis
from workers.alone import alone
from workers.destinations import check_destinations
from workers.domains import check_domains
from workers.figures import check_groups, count_groups, sum_up_breakdowns
from workers.links import evict_changed
from workers.misses import forget_misses, store_misses
from workers.moderation import complete_bans
from workers.notifications import deliver_news, note_expiring_links
from workers.partitions import create_partitions
from workers.parts import DRAIN, open_drain, open_heartbeat, open_live_work, open_merging, open_worker_pulse
from workers.retention import delete_expired, delete_expired_audit, delete_expired_notifications
from workers.tags import count_clicks_of_tags, tidy_tags

log = structlog.get_logger(__name__)

RESTART_PAUSE_S = 1.0
# A round creates hundreds of thousands of objects without reference cycles. With the usual threshold a sixth of the
# processor time goes into looking for cycles.
GC_THRESHOLD = 500_000
CLOSE_TIMEOUT_S = 2.0
# Large groups are filled in transactions of some minutes.
COUNT_GROUPS_TIMEOUT_S = 3600

# A cron job runs on the first worker to claim it. Drain, heartbeat and merges are not jobs: every worker runs them all
# the time.
SCHEDULE = [
    cron(alone(evict_changed), second=set(range(0, 60, 2)), run_at_startup=True, keep_result=0, max_tries=1),
    cron(alone(tidy_tags), second=set(range(1, 60, 4)), keep_result=0, max_tries=1),
    cron(alone(count_clicks_of_tags), second={13, 43}, keep_result=0, max_tries=1),
    cron(alone(check_destinations), second=set(range(0, 60, 5)), keep_result=0, max_tries=1),
    cron(alone(complete_bans), minute=None, second=11, keep_result=0, max_tries=1),
    cron(create_partitions, hour=None, minute=7, run_at_startup=True, keep_result=0, max_tries=3),
    cron(sum_up_breakdowns, hour=None, minute=37, run_at_startup=True, keep_result=0, max_tries=1),
    cron(
        alone(count_groups),
        second=set(range(5, 60, 10)),
        run_at_startup=True,
        keep_result=0,
        max_tries=1,
        timeout=COUNT_GROUPS_TIMEOUT_S,
    ),
    cron(check_groups, hour=None, minute=47, keep_result=0, max_tries=1),
    cron(alone(check_domains), minute=None, second=29, keep_result=0, max_tries=1),
    cron(alone(deliver_news), second=set(range(1, 60, 2)), keep_result=0, max_tries=1),
    cron(alone(note_expiring_links), second=set(range(3, 60, 10)), keep_result=0, max_tries=1),
    cron(delete_expired_notifications, hour=None, minute=17, run_at_startup=True, keep_result=0, max_tries=3),
    cron(delete_expired, hour=3, minute=21, run_at_startup=True, keep_result=0, max_tries=3),
    cron(alone(store_misses), second=set(range(4, 60, 5)), keep_result=0, max_tries=1),
    cron(forget_misses, hour=None, minute=27, run_at_startup=True, keep_result=0, max_tries=3),
    cron(delete_expired_audit, hour=None, minute=23, run_at_startup=True, keep_result=0, max_tries=3),
]


# Opened in this order, so that each can use the earlier ones, and closed in reverse. arq opens Redis itself.
PARTS = (
    open_database,
    open_fixed_settings,
    open_feeds,
    open_locator,
    open_click_stream,
    open_miss_stream,
    open_merging,
    open_worker_pulse,
    open_heartbeat,
    open_live_work,
    open_drain,
)


async def startup(ctx: dict[str, Any]) -> None:
    parts: Parts = ctx["parts"]
    stack: contextlib.AsyncExitStack = ctx["stack"]
    parts[REDIS] = ctx["redis"]
    # The stack belongs to the context: `shutdown` closes these parts also after a start that was cancelled.
    for opener in PARTS:
        await stack.enter_async_context(opener(parts))


async def shutdown(ctx: dict[str, Any]) -> None:
    """Close the parts. May be called twice, and after a start that failed."""
    stack: contextlib.AsyncExitStack = ctx["stack"]
    await stack.aclose()


class ShortenerWorker(Worker):
    """arq's worker, which on SIGTERM stops the drain at once, not only when its jobs are done."""

    def run(self) -> None:
        """What arq's command calls."""
        self.loop.run_until_complete(run())

    def _end_main(self, _: signal.Signals) -> None:
        """arq cancels its main task once; while redis-py connects, that can get lost, and the worker would not end."""
        if self.main_task is not None:
            self._ending = asyncio.create_task(end(self.main_task))

    def handle_sig_wait_for_completion(self, signum: signal.Signals) -> None:
        self.on_stop = self._end_main
        self.ctx["stopping"].set()
        parts: Parts = self.ctx["parts"]
        if (drain := parts.get(DRAIN)) is not None:
            drain.stop()
        super().handle_sig_wait_for_completion(signum)


def worker_settings() -> type:
    """Settings for arq, from those of the service. Raises SettingsError."""
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
        "ctx": {"parts": Parts(settings), "stack": contextlib.AsyncExitStack()},
        # The worker that arq's command creates from these settings only starts `run`.
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
    """Work until SIGTERM or SIGINT. If Redis goes down, arq's worker ends; new ones are started until it is back.

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
    # arq calls it only if Redis answers.
    await shutdown(worker.ctx)
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await worker.close()
    except (RedisError, OSError) as error:
        log.warning("worker_not_closed", error=repr(error))
