"""/health/live and /health/ready"""

import asyncio
from collections.abc import Awaitable
from typing import NamedTuple

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text

from shortener.database import Database
from shortener.errors import PROBLEM_JSON, TYPE_PREFIX
from shortener.openapi import errors
from shortener.revision import current_revision, head_revision
from shortener.worker_health import SILENT_AFTER_S, heartbeats

router = APIRouter(prefix="/health", tags=["health"])

CHECK_TIMEOUT_S = 2.0


class CheckFailed(Exception):
    """The message says what is wrong and what to do."""


class Outcome(NamedTuple):
    """`failure` is None where a part works; `note` is then what is worth knowing all the same."""

    failure: str | None
    note: str | None = None

    @property
    def is_ok(self) -> bool:
        return self.failure is None

    def shown(self) -> dict[str, str]:
        detail = self.failure or self.note
        return {"status": "ok" if self.is_ok else "failed"} | ({} if detail is None else {"detail": detail})


async def check_database(database: Database) -> None:
    """Raises CheckFailed."""
    async with database.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


async def check_migrations(database: Database) -> None:
    """Raises CheckFailed."""
    current, head = await current_revision(database.engine), head_revision()
    if current != head:
        raise CheckFailed(
            f"the database is at {current or 'nothing'}, this version needs {head}: run shortener migrate"
        )


async def check_redis(redis: Redis) -> None:
    """Raises CheckFailed."""
    await redis.ping()


async def check_worker(redis: Redis) -> str | None:
    """The workers that are silent beside others that work: these take over what they had. Raises CheckFailed."""
    ages_s = await heartbeats(redis)
    silent = {worker: age_s for worker, age_s in ages_s.items() if age_s > SILENT_AFTER_S}
    if len(silent) == len(ages_s):
        raise CheckFailed("no worker has reported within the last seconds: start one with shortener worker")
    if not silent:
        return None
    told = ", ".join(f"{worker} for {age_s:.0f} s" for worker, age_s in silent.items())
    return f"{len(silent)} of {len(ages_s)} workers silent (hung, or killed): {told}"


async def _outcome(check: Awaitable[str | None]) -> Outcome:
    try:
        return Outcome(None, await asyncio.wait_for(check, CHECK_TIMEOUT_S))
    except CheckFailed as error:
        return Outcome(str(error))
    except TimeoutError:
        return Outcome(f"no answer within {CHECK_TIMEOUT_S:g} seconds")
    except RedisError as error:
        return Outcome(f"Redis: {error}")
    except Exception as error:  # A check that fails in any way is what this reports.
        return Outcome(f"{type(error).__name__}: {error}".splitlines()[0])


async def run_checks(database: Database, redis: Redis) -> dict[str, Outcome]:
    """Of each part, in the order in which they would be mended."""
    checks: dict[str, Awaitable[str | None]] = {
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
    """All parts work; or which does not."""
    app: FastAPI = request.app
    outcomes = await run_checks(app.state.database, app.state.redis)
    checks = {name: outcome.shown() for name, outcome in outcomes.items()}
    failed = [name for name, outcome in outcomes.items() if not outcome.is_ok]
    if not failed:
        return Response(orjson.dumps({"status": "ok", "checks": checks}), media_type="application/json")
    body = {
        "type": f"{TYPE_PREFIX}not-ready",
        "title": "Not ready",
        "status": 503,
        "detail": f"Not working: {', '.join(failed)}.",
        "checks": checks,
    }
    return Response(orjson.dumps(body), 503, media_type=PROBLEM_JSON)
