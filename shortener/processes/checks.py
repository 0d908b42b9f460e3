"""Checks of the parts behind a web process, for /health/ready and `shortener doctor`."""

import asyncio
from collections.abc import Awaitable
from enum import StrEnum
from typing import NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shortener.clicks.stream import oldest_age_s
from shortener.processes.heartbeats import SILENT_AFTER_S, heartbeats
from shortener.stores.connecting import Connecting
from shortener.stores.revision import current_revision, head_revision

CHECK_TIMEOUT_S = 2.0
# Clicks are counted within two seconds, even while a worker gathers many.
LATE_AFTER_S = 5.0


class CheckFailed(Exception):
    """The message says what is wrong and what to do."""


class Status(StrEnum):
    """How well a part works. A degraded part does its work, but later than it should."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


class Outcome(NamedTuple):
    """`detail` says what is wrong, or gives information about a part that works."""

    status: Status = Status.OK
    detail: str | None = None

    @property
    def is_ok(self) -> bool:
        return self.status is Status.OK

    def shown(self) -> dict[str, str]:
        return {"status": self.status} | ({} if self.detail is None else {"detail": self.detail})


async def check_database(database: Connecting) -> Outcome:
    """Raises CheckFailed."""
    async with database.driver_connection() as connection:
        await connection.execute("SELECT 1")
    return Outcome()


async def check_migrations(database: Connecting) -> Outcome:
    """Raises CheckFailed."""
    current, head = await current_revision(database), head_revision()
    if current != head:
        raise CheckFailed(
            f"the database is at {current or 'nothing'}, this version needs {head}: run shortener migrate"
        )
    return Outcome()


async def check_redis(redis: Redis) -> Outcome:
    """Raises CheckFailed."""
    await redis.ping()
    return Outcome()


async def check_worker(redis: Redis) -> Outcome:
    """Names workers that are silent while others work and take over their batches. Degraded if clicks are counted late.
    Raises CheckFailed."""
    ages_s = await heartbeats(redis)
    silent = {worker: age_s for worker, age_s in ages_s.items() if age_s > SILENT_AFTER_S}
    if len(silent) == len(ages_s):
        raise CheckFailed("no worker has reported within the last seconds: start one with shortener worker")
    remarks = []
    late_s = await oldest_age_s(redis)
    if late_s > LATE_AFTER_S:
        remarks.append(f"clicks are counted {late_s:.0f} s late")
    if silent:
        named = ", ".join(f"{worker} for {age_s:.0f} s" for worker, age_s in silent.items())
        remarks.append(f"{len(silent)} of {len(ages_s)} workers silent (hung, or killed): {named}")
    return Outcome(Status.DEGRADED if late_s > LATE_AFTER_S else Status.OK, "; ".join(remarks) or None)


async def _outcome(check: Awaitable[Outcome]) -> Outcome:
    try:
        return await asyncio.wait_for(check, CHECK_TIMEOUT_S)
    except CheckFailed as error:
        reason = str(error)
    except TimeoutError:
        reason = f"no answer within {CHECK_TIMEOUT_S:g} seconds"
    except RedisError as error:
        reason = f"Redis: {error}"
    except Exception as error:  # A check may fail in any way, which is reported.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return Outcome(Status.FAILED, reason)


async def run_checks(database: Connecting, redis: Redis) -> dict[str, Outcome]:
    """Each part's state, in the order in which to mend them."""
    checks: dict[str, Awaitable[Outcome]] = {
        "database": check_database(database),
        "migrations": check_migrations(database),
        "redis": check_redis(redis),
        "worker": check_worker(redis),
    }
    outcomes = await asyncio.gather(*map(_outcome, checks.values()))
    return dict(zip(checks, outcomes, strict=True))
