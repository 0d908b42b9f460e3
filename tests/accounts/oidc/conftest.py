"""A provider, a service that trusts it, and the way of a browser between them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from shortener.settings import Settings
from tests.accounts.conftest import AUTH, ME, bearer
from tests.accounts.oidc.provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, providing
from tests.conftest import changed, client_of

LOGIN, CALLBACK = f"{AUTH}/oidc/login", f"{AUTH}/oidc/callback"


@pytest.fixture
def idp() -> Iterator[OidcProvider]:
    with providing() as found:
        yield found


@pytest.fixture
def settings(settings: Settings, idp: OidcProvider) -> Settings:
    return changed(
        settings, oidc_issuer=idp.issuer, oidc_client_id=CLIENT_ID, oidc_client_secret=CLIENT_SECRET, oidc_name="Acme"
    )


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as found:
        yield found


async def begin(browser: httpx.AsyncClient) -> str:
    """The address at the provider to which a login leads."""
    answer = await browser.get(LOGIN)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def at_provider(url: str) -> str:
    """Log in there: the path that leads back."""
    async with httpx.AsyncClient() as client:
        back = (await client.get(url)).headers["location"]
    assert back.startswith(f"https://sho.rt{CALLBACK}?")
    return back.removeprefix("https://sho.rt")


async def sign_on(browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.get(await at_provider(await begin(browser)))


async def me(client: httpx.AsyncClient, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = (await client.get(ME, headers=bearer(answer.json()["access_token"]))).json()
    return found
