"""/health/live and /health/ready"""

import asyncio
from collections.abc import Awaitable
from enum import StrEnum
from typing import NamedTuple

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text

from shortener.clicks.stream import oldest_age_s
from shortener.http.openapi import errors
from shortener.http.problems import PROBLEM_JSON, TYPE_PREFIX
from shortener.processes.heartbeats import SILENT_AFTER_S, heartbeats
from shortener.stores.database import Database
from shortener.stores.revision import current_revision, head_revision

router = APIRouter(prefix="/health", tags=["health"])

CHECK_TIMEOUT_S = 2.0
# A click is counted within two seconds, also while a worker gathers many of them.
LATE_AFTER_S = 5.0


class CheckFailed(Exception):
    """The message says what is wrong and what to do."""


class Status(StrEnum):
    """How well a part works. One that is degraded does what it is for, but later than it should."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


class Outcome(NamedTuple):
    """`detail` says what is wrong, or what is worth knowing although nothing is."""

    status: Status = Status.OK
    detail: str | None = None

    @property
    def is_ok(self) -> bool:
        return self.status is Status.OK

    def shown(self) -> dict[str, str]:
        return {"status": self.status} | ({} if self.detail is None else {"detail": self.detail})


async def check_database(database: Database) -> Outcome:
    """Raises CheckFailed."""
    async with database.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    return Outcome()


async def check_migrations(database: Database) -> Outcome:
    """Raises CheckFailed."""
    current, head = await current_revision(database.engine), head_revision()
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
    """Names the workers that are silent beside others that work: these take over what they had. Degraded where clicks
    are counted late. Raises CheckFailed."""
    ages_s = await heartbeats(redis)
    silent = {worker: age_s for worker, age_s in ages_s.items() if age_s > SILENT_AFTER_S}
    if len(silent) == len(ages_s):
        raise CheckFailed("no worker has reported within the last seconds: start one with shortener worker")
    told = []
    late_s = await oldest_age_s(redis)
    if late_s > LATE_AFTER_S:
        told.append(f"clicks are counted {late_s:.0f} s late")
    if silent:
        named = ", ".join(f"{worker} for {age_s:.0f} s" for worker, age_s in silent.items())
        told.append(f"{len(silent)} of {len(ages_s)} workers silent (hung, or killed): {named}")
    return Outcome(Status.DEGRADED if late_s > LATE_AFTER_S else Status.OK, "; ".join(told) or None)


async def _outcome(check: Awaitable[Outcome]) -> Outcome:
    try:
        return await asyncio.wait_for(check, CHECK_TIMEOUT_S)
    except CheckFailed as error:
        reason = str(error)
    except TimeoutError:
        reason = f"no answer within {CHECK_TIMEOUT_S:g} seconds"
    except RedisError as error:
        reason = f"Redis: {error}"
    except Exception as error:  # A check that fails in any way is what this reports.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return Outcome(Status.FAILED, reason)


async def run_checks(database: Database, redis: Redis) -> dict[str, Outcome]:
    """Of each part, in the order in which they would be mended."""
    checks: dict[str, Awaitable[Outcome]] = {
        "database": check_database(database),
        "migrations": check_migrations(database),
        "redis": check_redis(redis),
        "worker": check_worker(redis),
    }
    outcomes = await asyncio.gather(*map(_outcome, checks.values()))
    return dict(zip(checks, outcomes, strict=True))


# Some monitors send HEAD only.
@router.head("/live", include_in_schema=False)
@router.get("/live")
async def live() -> dict[str, str]:
    """The process answers. Says nothing of the parts behind it: restarting would not mend them."""
    return {"status": "ok"}


@router.head("/ready", include_in_schema=False)
@router.get("/ready", responses=errors(503))
async def ready(request: Request) -> Response:
    """All parts work; or which does not. 200 with the status `degraded` where they work, and clicks are counted
    late: redirects go on."""
    app: FastAPI = request.app
    outcomes = await run_checks(app.state.database, app.state.redis)
    checks = {name: outcome.shown() for name, outcome in outcomes.items()}
    failed = [name for name, outcome in outcomes.items() if outcome.status is Status.FAILED]
    if not failed:
        status = Status.OK if all(outcome.is_ok for outcome in outcomes.values()) else Status.DEGRADED
        return Response(orjson.dumps({"status": status, "checks": checks}), media_type="application/json")
    body = {
        "type": f"{TYPE_PREFIX}not-ready",
        "title": "Not ready",
        "status": 503,
        "detail": f"Not working: {', '.join(failed)}.",
        "checks": checks,
    }
    return Response(orjson.dumps(body), 503, media_type=PROBLEM_JSON)
