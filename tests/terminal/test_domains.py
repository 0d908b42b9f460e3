"""`shortener domains`: the same on this machine's database and through a server."""

import asyncio

import pytest

from shortener.access.scopes import Scope
from shortener.accounts.commands import create_key, create_user
from tests.conftest import changed
from tests.domains.conftest import HOST, names
from tests.terminal.conftest import EMAIL

__all__ = ["names"]


@pytest.fixture
def settings(settings, names):
    return changed(settings, dns_servers=(("127.0.0.1", names.port),))


@pytest.fixture
async def workspace(program, settings, database):
    async with database.driver_connection() as connection:
        if not await connection.fetchval("SELECT count(*) FROM users"):
            await create_user(settings, EMAIL, None, is_admin=True)
        return str(await connection.fetchval("SELECT id FROM workspaces"))


async def test_a_domain_is_added_verified_changed_and_removed(program, workspace, names):
    added = program.json("domains", "add", "GO.example.com.", "--workspace", workspace)
    assert (added["host"], added["state"], added["workspace"]) == (HOST, "pending", workspace)
    record = added["record"]
    assert f"TXT {record['name']} {record['value']}" in program("domains", "add", HOST, "--workspace", workspace)

    # The name server shares the event loop of the test.
    refused = await asyncio.to_thread(program.refused, "domains", "verify", HOST)
    assert refused == f"The TXT record {record['name']} with the value {record['value']} was not found."
    names.records[record["name"]] = [record["value"]]
    verified = await asyncio.to_thread(program.json, "domains", "verify", HOST)
    assert (verified["state"], verified["looping_links"]) == ("verified", [])

    urls = ("--root-url", "https://example.net/", "--not-found-url", "https://example.net/help")
    edited = program.json("domains", "edit", HOST, *urls, "--default")
    assert (edited["root_url"], edited["not_found_url"], edited["is_default"]) == (urls[1], urls[3], True)
    cleared = program.json("domains", "edit", HOST, "--no-default", "--clear", "root_url")
    assert (cleared["root_url"], cleared["not_found_url"], cleared["is_default"]) == (None, urls[3], False)
    assert "example.net/help" in program("domains", "edit", HOST)
    [head, row] = program("domains", "list").splitlines()
    assert (head.split()[:2], row.split()[:2]) == (["host", "state"], [HOST, "verified"])

    assert program("domains", "remove", HOST) == ""
    assert [domain["state"] for domain in program.json("domains", "list")["items"]] == ["removed"]


async def test_who_administers_the_service_can_vouch_for_a_domain(program, workspace):
    program("domains", "add", HOST, "--workspace", workspace)
    trusted = program.json("domains", "verify", HOST, "--trust")
    assert (trusted["state"], trusted["is_trusted"]) == ("verified", True)


async def test_what_cannot_be_done_with_a_domain_is_told_in_one_line(program, workspace):
    program("domains", "add", HOST, "--workspace", workspace)
    for arguments, reason in (
        (("add", "localhost", "--workspace", workspace), "A domain is a name such as go.example.com"),
        (("add", "no host", "--workspace", workspace), "host: "),
        (("add", "b.example", "--workspace", "00000000-0000-4000-8000-000000000000"), "You have no such workspace."),
        (("list", "--workspace", "nonsense"), "workspace: "),
        (("list", "--workspace", "00000000-0000-4000-8000-000000000000"), "You have no such workspace."),
        (("verify", "b.example"), "You have no domain b.example."),
        (("verify", "b.example", "--trust"), "You have no domain b.example."),
        (("edit", "no host", "--default"), "host: "),
        (("edit", HOST, "--root-url", "ftp://example.net/"), ""),
        (("edit", HOST, "--clear", "hosts"), "hosts: "),
        (("remove", "b.example"), "You have no domain b.example."),
    ):
        assert reason in program.refused("domains", *arguments), arguments


async def test_the_operator_manages_the_domains_of_all_workspaces_and_is_named_in_the_audit_log(
    local, settings, database
):
    for email in (EMAIL, "bob@example.com"):
        await create_user(settings, email, None, is_admin=False)
    assert local.refused("domains", "add", HOST) == "Name the workspace that gets the domain: --workspace ID."
    async with database.driver_connection() as connection:
        workspaces = [str(row["id"]) for row in await connection.fetch("SELECT id FROM workspaces")]
    for n, workspace in enumerate(workspaces):
        local("domains", "add", f"go{n}.example.com", "--workspace", workspace)
    assert [domain["workspace"] for domain in local.json("domains", "list")["items"]] == workspaces
    assert len(local.json("domains", "list", "--workspace", workspaces[0])["items"]) == 1
    local("domains", "remove", "go0.example.com")
    async with database.driver_connection() as connection:
        entries = await connection.fetch("SELECT action, actor FROM audit_log WHERE action LIKE 'domain.%' ORDER BY id")
    actions = ["domain.added", "domain.added", "domain.removed"]
    assert [tuple(entry) for entry in entries] == [(action, "command-line") for action in actions]


async def test_a_key_that_may_not_manage_domains_is_refused(server, settings):
    server("domains", "add", HOST)
    key = await create_key(settings, EMAIL, "links", [Scope.LINKS_READ, Scope.LINKS_WRITE], None, None)
    assert [domain["host"] for domain in server.json("domains", "list")["items"]] == [HOST]
    for arguments in (("add", "b.example"), ("verify", HOST), ("verify", HOST, "--trust"), ("remove", HOST)):
        said = server.run("domains", *arguments, api_key=key)
        assert (said.status, said.out) == (1, b""), said
