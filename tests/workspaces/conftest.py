"""People with accounts, and workspaces that they share."""

from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI

from shortener.settings import Settings
from tests.accounts.conftest import Account, register
from tests.conftest import changed

WORKSPACES, INVITATIONS, LINKS = "/api/v1/workspaces", "/api/v1/invitations", "/api/v1/links"
URL = "https://example.com/"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return changed(settings, registration="open", anonymous_links=False, anonymous_manage=False)


class Person(NamedTuple):
    """Somebody who is logged in."""

    account: Account

    @property
    def email(self) -> str:
        return self.account.email

    async def ask(self, method: str, path: str, client: httpx.AsyncClient | None = None, **options: Any):
        headers = self.account.headers | options.pop("headers", {})
        return await (client or self.account.client).request(method, path, headers=headers, **options)

    async def get(self, path: str) -> Any:
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, **body: Any) -> Any:
        answer = await self.ask("POST", path, json=body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    async def status(self, method: str, path: str, **options: Any) -> int:
        return (await self.ask(method, path, **options)).status_code

    async def codes(self, query: str = "") -> set[str]:
        return {link["code"] for link in (await self.get(f"{LINKS}?limit=100&{query}"))["items"]}

    async def personal(self) -> str:
        return next(w["id"] for w in (await self.get(WORKSPACES))["items"] if w["personal"])

    async def invite(self, other: "Person", workspace: str, role: str) -> str:
        """The token."""
        return (await self.post(INVITATIONS, email=other.email, workspace=workspace, role=role))["token"]

    async def share(self, workspace: str, **others: tuple["Person", str]) -> None:
        for person, role in others.values():
            await person.post(f"{INVITATIONS}/accept", token=await self.invite(person, workspace, role))

    async def member_id(self, workspace: str, of: "Person | None" = None) -> str:
        members = (await self.get(f"{WORKSPACES}/{workspace}/members"))["items"]
        return next(member["id"] for member in members if member["email"] == (of or self).email)


async def person(client: httpx.AsyncClient, name: str) -> Person:
    return Person(await register(client, f"{name}@example.com"))


@pytest.fixture
async def ada(client) -> Person:
    return await person(client, "ada")


@pytest.fixture
async def bob(client) -> Person:
    return await person(client, "bob")


@pytest.fixture
async def eve(client) -> Person:
    return await person(client, "eve")


@pytest.fixture
async def shared(ada: Person, app: FastAPI) -> str:
    """A workspace of Ada's."""
    return (await ada.post(WORKSPACES, name="Marketing"))["id"]
