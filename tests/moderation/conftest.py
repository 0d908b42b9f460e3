"""An admin, and others."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from shortener.access.parts import AUTHENTICATION
from shortener.accounts.commands import create_key, create_user
from shortener.redirect.parts import REDIRECT
from shortener.screening.parts import BAN_LIST
from shortener.settings import Settings
from shortener.stores.invalidations import INFORMED_LIFETIME_S
from tests.accounts.conftest import two_processes
from tests.conftest import changed, create_link, eventually

ADMIN, REPORTS = "/api/v1/admin", "/api/v1/reports"
BANS = f"{ADMIN}/bans"
ROOT = "root@example.com"
WITHIN_S = 1.0
EVIL = "https://login.phish.example:8443/a?b"

Headers = dict[str, str]
Ban = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return changed(settings, registration="open")


@pytest.fixture
async def admin(settings: Settings) -> Headers:
    """What an admin shows."""
    await create_user(settings, ROOT, None, is_admin=True)
    return {"X-API-Key": await create_key(settings, ROOT, "admin", [], None, None)}


async def ban(
    client: httpx.AsyncClient, admin: Headers, kind: str, value: str, reason: str = "abuse"
) -> dict[str, Any]:
    body = {"kind": kind, "value": value, "reason": reason}
    answer = await client.post(BANS, json=body, headers=admin)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def lift(client: httpx.AsyncClient, admin: Headers, ban_id: int) -> None:
    answer = await client.delete(f"{BANS}/{ban_id}", headers=admin)
    assert answer.status_code == 204, answer.text


async def until_informed(*apps) -> None:
    for app in apps:
        for part in (
            app.state.parts[REDIRECT]._resolver._memory,
            app.state.parts[BAN_LIST].mirror,
            app.state.parts[AUTHENTICATION],
        ):
            await eventually(lambda part=part: part.lifetime_s == INFORMED_LIFETIME_S, within_s=20)


async def status(client, path: str = "/evil", **options) -> int:
    return (await client.get(path, **options)).status_code


async def until_status(client, wanted: int, path: str = "/evil", **options) -> None:
    async def is_there() -> bool:
        return await status(client, path, **options) == wanted

    await eventually(is_there, within_s=WITHIN_S)


@pytest.fixture(params=["with redis", "without redis"])
async def two(request, settings):
    """Two processes; `evil` is in the memory of both, as far as they may have one."""
    is_redis_there = request.param == "with redis"
    anyhow = settings if is_redis_there else changed(settings, redis_url="redis://127.0.0.1:1")
    async with two_processes(anyhow) as two:
        if is_redis_there:
            await until_informed(*two.apps)
        await create_link(two.one, EVIL, code="evil")
        await create_link(two.one, "https://example.com/", code="good")
        for client in (two.one, two.other):
            for code in ("evil", "good"):
                for _ in range(3):
                    assert await status(client, f"/{code}") == 302
        yield two
