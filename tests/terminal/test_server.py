"""Commands through a server: what they import, and what they say when it refuses or is not there."""

import re
import socket
import uuid

import pytest

from shortener.access.scopes import Scope
from shortener.accounts.commands import create_key
from tests.commands import run_apart
from tests.terminal.conftest import EMAIL

STORES = {"fastapi", "starlette", "sqlalchemy", "asyncpg", "redis", "uvicorn", "alembic", "msgspec"}


async def test_who_may_only_read_is_refused_every_change(server, settings, database):
    workspace = uuid.uuid4()
    async with database.driver_connection() as connection:
        await connection.execute("INSERT INTO workspaces (id, name) VALUES ($1, 'Shared')", workspace)
        await connection.execute(
            "INSERT INTO workspace_members (workspace_id, user_id, id, role) SELECT $1, id, $2, 'viewer' FROM users",
            workspace,
            uuid.uuid4(),
        )
        await connection.execute(
            "INSERT INTO links (code, url, workspace_id) VALUES ('shared', 'https://example.com/', $1)", workspace
        )
    assert server.json("links", "list", "--workspace", str(workspace))["total"] == 1
    for arguments in (
        ("links", "edit", "shared", "--title", "Mine"),
        ("links", "delete", "shared"),
        ("shorten", "https://example.com/", "--set", f"workspace={workspace}"),
        ("tags", "delete", "red", "--workspace", str(workspace)),
    ):
        assert server.refused(*arguments) == "This needs the role editor in the workspace."
    key = await create_key(settings, EMAIL, "reads", [Scope.LINKS_READ], None, None)
    said = server.run("shorten", "https://example.com/", api_key=key)
    assert (said.status, said.out) == (1, b"")
    assert "links:write" in said.err


def test_a_wrong_key_and_a_wrong_address_are_named(server):
    wrong = server.refused("links", "list", "--json", api_key="shr_wrong")
    assert wrong == "This token or key is not valid, or no longer. Check SHORTENER_API_KEY."
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    away = server.refused("links", "list", server=url)
    assert away.startswith(f"{url} does not answer (")
    assert away.endswith("Check SHORTENER_SERVER.")
    assert "without a path" in server.refused("links", "list", server="https://sho.rt/api")


@pytest.mark.parametrize("arguments", ["user list", "migrate", "seed"])
def test_commands_of_this_machine_do_not_mistake_it_for_the_server(server, arguments):
    assert "Unset SHORTENER_SERVER" in server.refused(*arguments.split())


def test_a_command_through_a_server_imports_neither_stores_nor_servers(server):
    said = run_apart(("links", "list"), "", server.environment | {"PYTHONPROFILEIMPORTTIME": "1"})
    assert said.status == 0
    imported = set(re.findall(r"^import time: .*\| +(\w+)", said.err, re.MULTILINE))
    assert {"httpx", "typer"} <= imported
    assert imported & STORES == set()


def test_a_code_that_is_none_does_not_become_another_path(server):
    assert server.refused("links", "delete", "a/../b?c#d").startswith("code: ")
    assert server.refused("links", "delete", "..%2f").startswith("code: ")
