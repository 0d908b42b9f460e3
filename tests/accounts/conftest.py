"""Accounts for tests, and what their owners do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI

from shortener.accounts.parts import ACCOUNTS
from shortener.settings import Settings
from tests.conftest import changed, client_of, running_app

AUTH, ME, KEYS, LINKS = "/api/v1/auth", "/api/v1/me", "/api/v1/keys", "/api/v1/links"
EMAIL, PASSWORD, OTHER_PASSWORD = "ada@example.com", "mauve giraffe cycles", "a green whale cycles too"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Registration is open; links need a login or a key."""
    return changed(settings, registration="open", anonymous_links=False, anonymous_manage=False)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Account(NamedTuple):
    """A user who is logged in."""

    client: httpx.AsyncClient
    email: str
    access: str
    refresh: str

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.access)

    async def create_key(self, *scopes: str, **fields: Any) -> dict[str, Any]:
        body = {"name": "test", "scopes": scopes or ["links:read"], **fields}
        answer = await self.client.post(KEYS, json=body, headers=self.headers)
        assert answer.status_code == 201, answer.text
        key: dict[str, Any] = answer.json()
        return key


def hashes(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Grows with each hash that the app computes."""
    made: list[bool] = []
    hasher = app.state.parts[ACCOUNTS]._passwords
    compute = hasher._threads.submit

    def count(*args: Any) -> Any:
        made.append(True)
        return compute(*args)

    monkeypatch.setattr(hasher._threads, "submit", count)
    return made


async def log_in(client: httpx.AsyncClient, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
    return await client.post(f"{AUTH}/token", data={"username": email, "password": password})


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post(f"{AUTH}/refresh", json={"refresh_token": token})


async def register(client: httpx.AsyncClient, email: str = EMAIL, password: str = PASSWORD) -> Account:
    """A new account, logged in."""
    answer = await client.post(f"{AUTH}/register", json={"email": email, "password": password})
    assert answer.status_code == 201, answer.text
    return await logged_in(client, email, password)


async def logged_in(client: httpx.AsyncClient, email: str = EMAIL, password: str = PASSWORD) -> Account:
    answer = await log_in(client, email, password)
    assert answer.status_code == 200, answer.text
    return Account(client, email, answer.json()["access_token"], answer.json()["refresh_token"])


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> Account:
    return await register(client)


class Two(NamedTuple):
    """Two processes of one service, each with a client."""

    apps: tuple[FastAPI, FastAPI]
    one: httpx.AsyncClient
    other: httpx.AsyncClient


@asynccontextmanager
async def two_processes(settings: Settings) -> AsyncIterator[Two]:
    async with running_app(settings) as a, running_app(settings) as b, client_of(a) as one, client_of(b) as other:
        yield Two((a, b), one, other)
