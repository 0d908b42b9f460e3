"""Workspaces with domains, and a name server that knows their records."""

import pytest

from shortener.settings import Settings
from tests.conftest import changed
from tests.domains.name_server import NameServer, name_server
from tests.moderation.conftest import admin
from tests.workspaces.conftest import Person, ada, bob, eve, shared

__all__ = ["ada", "admin", "bob", "eve", "shared"]

DOMAINS = "/api/v1/domains"
HOST = "go.example.com"


@pytest.fixture
async def names():
    async with name_server() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, names: NameServer) -> Settings:
    servers = (("127.0.0.1", names.port),)
    return changed(settings, registration="open", anonymous_links=False, anonymous_manage=False, dns_servers=servers)


async def add(person: Person, names: NameServer, host: str = HOST, **fields) -> dict:
    """A verified domain."""
    record = (await person.post(DOMAINS, host=host, **fields))["record"]
    names.records[record["name"]] = ["something else", record["value"]]
    return await person.post(f"{DOMAINS}/{host}/verify")


async def follow(client, path: str, host: str = HOST):
    return await client.get(path, headers={"Host": host})
