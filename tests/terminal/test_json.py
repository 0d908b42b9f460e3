"""`--json`: each command that prints something prints one JSON document for programs."""

import json
from collections.abc import Iterator

import pytest
import typer

from shortener import cli
from shortener.accounts.commands import create_user
from shortener.clicks.stream import DEAD_STREAM
from tests.accounts.conftest import PASSWORD
from tests.conftest import create_link
from tests.terminal.conftest import EMAIL

# They run until they are stopped, and write logs.
SERVING = {"up", "web", "worker"}
# `up` alone reads what it prints.
INTERNAL = {"prepare"}
# It writes a picture.
DRAWING = {"links qr"}
# They print nothing.
SILENT = {
    "seed",
    "user create",
    "user reset-password",
    "user disable",
    "user enable",
    "key revoke",
    "ban lift",
    "links delete",
    "links alias",
    "tags delete",
    "domains remove",
}


def commands(group: typer.core.TyperGroup, *names: str) -> Iterator[tuple[str, typer.core.TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, *names, name)
        else:
            yield " ".join((*names, name)), command


def test_each_command_that_prints_something_has_json():
    root = typer.main.get_command(cli.app)
    assert isinstance(root, typer.core.TyperGroup)
    without = {
        name for name, command in commands(root) if not any("--json" in option.opts for option in command.params)
    }
    assert without == SERVING | INTERNAL | DRAWING | SILENT


async def test_the_operators_commands_print_what_they_found(local, client, redis):
    assert local("user", "create", EMAIL, stdin=f"{PASSWORD}\n") == ""
    [user] = local.json("user", "list")["items"]
    assert (user["email"], user["is_admin"], user["disabled"], user["keys"]) == (EMAIL, False, False, 0)
    key = local.json("key", "create", EMAIL, "--name", "CI")["key"]
    [listed] = local.json("key", "list", EMAIL)["items"]
    assert (listed["name"], key.startswith(listed["prefix"]), "key" in listed) == ("CI", True, False)

    await create_link(client, code="evil")
    assert local.json("user", "adopt", EMAIL) == {"links": 1}
    assert local.json("links", "show", "evil")["workspace"] == user["workspace"]
    ban = local.json("ban", "create", "link", "evil", "--reason", "phishing")["id"]
    listed = local.json("ban", "list")
    assert ([(each["id"], each["value"]) for each in listed["items"]], listed["total"]) == ([(ban, "evil")], 1)

    await redis.xadd(DEAD_STREAM, {"reason": "cannot be read", "batch": "?"})
    [letter] = local.json("clicks", "dead")["items"]
    assert letter["reason"] == "cannot be read"
    assert "cannot be read" in local("clicks", "dead")
    assert local.json("clicks", "replay") == {"batches": 1}
    assert local.json("migrate")["revision"] in local("migrate")


def test_the_doctor_says_as_json_what_fails(local):
    said = local.run("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(said.out)["findings"]}
    assert said.status == 1
    assert findings["worker"]["advice"]
    assert findings["database"]["advice"] is None


@pytest.fixture
async def clicked(program, settings, client, drain):
    """A link with a click, and a code that does not exist."""
    program("shorten", "https://example.com/", "--code", "abc")
    for path in ("/abc", "/nothing"):
        await client.get(path, headers={"Referer": "https://news.example/"})
    await drain()


async def test_figures_are_those_of_the_api_in_the_span_that_is_asked_for(program, clicked):
    figures = program.json("stats", "abc")
    assert (figures["clicks"], len(figures["series"]), figures["before"]) == (1, 30, None)
    assert figures["referrers"] == [{"value": "news.example", "clicks": 1}]
    options = ("--from", "2026-01-01", "--to", "2026-01-31", "--interval", "week", "--tz", "Europe/Berlin", "--bots")
    earlier = program.json("stats", "abc", *options)
    assert (earlier["clicks"], earlier["series"][0]["start"]) == (0, "2025-12-29T00:00:00+01:00")
    shown = program("stats", "abc")
    assert "/abc → https://example.com/" in shown
    assert "1 in all; 1 in this span" in shown
    assert "news.example" in shown
    for arguments, reason in (
        (("nothing",), "The link nothing does not exist."),
        (("abc", "--from", "yesterday"), "from: "),
        (("abc", "--from", "2026-02-01", "--to", "2026-01-01"), "The span is empty"),
        (("abc", "--interval", "year"), "interval: "),
    ):
        assert reason in program.refused("stats", *arguments), arguments


async def test_a_link_of_a_domain_has_figures_by_its_name(local, settings, database):
    await create_user(settings, EMAIL, None, is_admin=False)
    async with database.driver_connection() as connection:
        await connection.execute("INSERT INTO links (code, url) VALUES ('go.example.com/sale', 'https://example.com/')")
    assert local.json("stats", "go.example.com/sale")["clicks"] == 0
    assert "The link sale does not exist." in local.refused("stats", "sale")


async def test_misses_are_told_here_and_through_a_server(program, app, client, database):
    async with database.driver_connection() as connection:
        await connection.execute(
            "INSERT INTO miss_days (day, code, root, path, floor) VALUES (current_date, 120, 0, 5, 0)"
        )
        await connection.execute(
            "INSERT INTO miss_paths (day, kind, path, count, error, last_at) "
            "SELECT current_date, 'code', '/miss' || n, 1, 0, now() FROM generate_series(1, 120) AS n"
        )
    found = program.json("misses", "--limit", "110")
    assert (found["total"], found["other"], len(found["items"])) == (125, 5, 110)
    assert "125 on all days that are kept" in program("misses")
