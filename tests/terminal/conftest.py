"""Commands as people run them: on this machine's database, and through a server."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shortener.accounts.commands import create_key, create_user
from shortener.settings import Settings
from shortener.settings.source import variable
from tests.commands import Said, run_here
from tests.serving import serving

EMAIL = "ada@example.com"


def environment_of(variables: Mapping[str, str]) -> dict[str, str]:
    return {variable(name): value for name, value in variables.items()}


class Program:
    """Runs commands with these variables; each has to leave standard error empty when it succeeds."""

    def __init__(self, **variables: str) -> None:
        self.environment = environment_of(variables)

    def run(self, *arguments: str, stdin: str = "", **variables: str) -> Said:
        return run_here(arguments, stdin, self.environment | environment_of(variables))

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        said = self.run(*arguments, stdin=stdin)
        assert (said.status, said.err) == (0, ""), said
        return said.out.decode()

    def json(self, *arguments: str, stdin: str = "") -> Any:
        return json.loads(self(*arguments, "--json", stdin=stdin))

    def refused(self, *arguments: str, **variables: str) -> str:
        """The line that says why."""
        said = self.run(*arguments, **variables)
        assert (said.status, said.out, len(said.err.splitlines())) == (1, b"", 1), said
        return said.err.removeprefix("shortener: ").strip()


@pytest.fixture
def local(settings: Settings, tmp_path: Path) -> Program:
    urls = {"database_url": settings.database_url, "redis_url": settings.redis_url}
    name_servers = ",".join(f"{address}:{port}" for address, port in settings.dns_servers)
    return Program(data_dir=str(tmp_path), dns_servers=name_servers, **urls)


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[Program]:
    """It knows nothing but the server's address and a key."""
    await create_user(settings, EMAIL, None, is_admin=True)
    key = await create_key(settings, EMAIL, "command line", [], None, None)
    with serving(settings) as url:
        yield Program(server=url, api_key=key)


@pytest.fixture(params=["local", "server"])
def program(request: pytest.FixtureRequest) -> Program:
    found: Program = request.getfixturevalue(request.param)
    return found
