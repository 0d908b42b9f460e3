"""Accounts as the tests of accounts have them, and an admin who reads the log."""

from typing import Any

import httpx
import pytest

from shortener.accounts.commands import create_key, create_user
from shortener.settings import Settings
from shortener.stores.database import Database
from tests.accounts.conftest import *  # noqa: F403  (its fixtures)
from tests.clicks.make import rows_of

AUDIT = "/api/v1/admin/audit"
ADMIN = "admin@example.com"
COLUMNS = "action, actor, means, client, target, details"


@pytest.fixture
async def admin(settings: Settings) -> dict[str, str]:
    """Headers with the key of an admin. Their making is the beginning of the log."""
    await create_user(settings, ADMIN, None, is_admin=True)
    return {"X-API-Key": await create_key(settings, ADMIN, "all", [], None, None)}


async def entries_of(database: Database, action: str) -> list[tuple[Any, ...]]:
    return await rows_of(database, f"SELECT {COLUMNS} FROM audit_log WHERE action = $1 ORDER BY id", action)


async def page_of(client: httpx.AsyncClient, headers: dict[str, str], **query: Any) -> dict[str, Any]:
    answer = await client.get(AUDIT, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page
