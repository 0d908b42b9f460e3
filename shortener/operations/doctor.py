"""`shortener doctor`: finds faults, and says what to do about them."""

import os
import time
from collections.abc import Iterable
from typing import NamedTuple

import asyncpg
from redis.exceptions import RedisError

from shortener.processes.checks import Status, run_checks
from shortener.settings import Settings, unknown_variables
from shortener.settings.source import variable
from shortener.stores.connecting import PlainDatabase
from shortener.stores.fixed_settings import SettingIsFixed, compare_settings
from shortener.stores.redis import create_redis

MAX_CLOCK_DIFFERENCE_S = 2.0

_ADVICE = {
    "database": f"Check {variable('database_url')} and that PostgreSQL runs, or start everything: shortener up",
    "migrations": "Run: shortener migrate",
    "redis": f"Check {variable('redis_url')} and that Redis runs, or start everything: shortener up",
    "worker": "Start one: shortener worker (it needs the same settings)",
}


_ADVICE_TO_LATE_WORKERS = (
    "See the worker's log, and whether PostgreSQL has work that takes long; or start another worker"
)


class Finding(NamedTuple):
    """`advice` is None if all is well."""

    name: str
    detail: str
    advice: str | None = None


def _settings(settings: Settings, environ: Iterable[str]) -> Finding:
    unknown = unknown_variables(environ)
    if unknown:
        return Finding(
            "settings", f"unknown: {', '.join(unknown)}", "Check the spelling; the README lists all settings."
        )
    missing = [
        variable(name)
        for name, value in (
            ("database_url", settings.database_url),
            ("redis_url", settings.redis_url),
            ("secret_key", settings.secret_key.get_secret_value()),
        )
        if not value
    ]
    if missing:
        return Finding("settings", f"not set: {', '.join(missing)}", "Set them, or start everything: shortener up")
    return Finding("settings", f"short URLs begin with {settings.base_url}/")


def _advice(name: str, status: Status) -> str | None:
    if status is Status.OK:
        return None
    return _ADVICE[name] if status is Status.FAILED else _ADVICE_TO_LATE_WORKERS


async def _fixed_settings(database: PlainDatabase, settings: Settings) -> list[Finding]:
    """None while the database cannot be asked, which other findings say."""
    try:
        await compare_settings(database, settings)
    except SettingIsFixed as error:
        return [Finding("first start", error.detail, error.advice)]
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return []
    return [Finding("first start", "the settings that it fixed are the same")]


async def examine(settings: Settings) -> list[Finding]:
    """All checks, in the order in which to mend what they find."""
    findings = [_settings(settings, os.environ)]
    if not settings.database_url or not settings.redis_url:
        return findings
    database, redis = PlainDatabase(settings), create_redis(settings.redis_url)
    try:
        for name, outcome in (await run_checks(database, redis)).items():
            advice = _advice(name, outcome.status)
            findings.append(Finding(name, outcome.detail or "works", advice))
        findings += await _fixed_settings(database, settings)
        try:
            seconds, microseconds = await redis.time()
        except (RedisError, OSError):
            return findings
        difference_s = abs(time.time() - seconds - microseconds / 1e6)
        if difference_s > MAX_CLOCK_DIFFERENCE_S:
            advice = "Synchronise the clocks (NTP): clicks are dated by the web process."
            findings.append(Finding("clock", f"differs from Redis's by {difference_s:.1f} seconds", advice))
        else:
            findings.append(Finding("clock", f"within {difference_s:.1f} seconds of Redis's"))
    finally:
        await redis.aclose()
    return findings
