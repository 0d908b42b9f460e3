"""An admin, and others."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from shortener.accounts.commands import create_key, create_user
from shortener.settings import Settings
from tests.conftest import changed

ADMIN, REPORTS = "/api/v1/admin", "/api/v1/reports"
BANS = f"{ADMIN}/bans"
ROOT = "root@example.com"

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
