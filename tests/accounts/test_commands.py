"""Users and keys on the command line, and the first admin."""

import uuid

import pytest

from shortener.accounts import commands
from shortener.moderation.commands import set_disabled
from shortener.operations.up import local_defaults
from shortener.settings import Settings
from shortener.settings.source import variable
from tests.accounts.conftest import EMAIL, KEYS, ME, OTHER_PASSWORD, PASSWORD, log_in
from tests.conftest import eventually


async def until_answered(client, headers: dict[str, str], status: int) -> None:
    """The app hears of it by Redis."""

    async def is_answered() -> bool:
        return (await client.get(ME, headers=headers)).status_code == status

    await eventually(is_answered, within_s=1)


async def test_a_user_is_made_and_can_log_in(client, shortener):
    assert shortener("user", "create", "Ada@Example.com", "--admin", stdin=f"{PASSWORD}\n") == (0, "")
    answer = await log_in(client)
    me = await client.get(ME, headers={"Authorization": f"Bearer {answer.json()['access_token']}"})
    assert me.json()["is_admin"]
    code, said = shortener("user", "create", EMAIL, stdin=PASSWORD)
    assert (code, said.strip()) == (1, f"shortener: The user {EMAIL} already exists.")
    code, said = shortener("user", "list")
    assert code == 0
    assert EMAIL in said


async def test_what_cannot_be_is_told_in_one_line(shortener):
    for arguments, stdin, says in (
        (("user", "create", "ada"), PASSWORD, "not an email address"),
        (("user", "create", EMAIL), "short", "fewer than 12"),
        (("user", "create", EMAIL), "", "fewer than 12"),
        (("user", "disable", EMAIL), "", "no user"),
        (("user", "reset-password", EMAIL), PASSWORD, "no user"),
        (("key", "create", EMAIL), "", "no user"),
        (("key", "revoke", str(uuid.uuid4())), "", "no such key"),
        (("ban", "create", "host", "https://example.com/", "--reason", "x"), "", "host"),
        (("ban", "create", "link", "nowhere", "--reason", "x"), "", "link nowhere does not exist"),
        (("ban", "create", "host", "example.com", "--reason", " "), "", "reason"),
        (("ban", "lift", "404"), "", "does not exist"),
    ):
        code, said = shortener(*arguments, stdin=stdin)
        assert (code, len(said.splitlines())) == (1, 1), said
        assert says in said


async def test_keys_are_made_listed_and_revoked(client, shortener, database):
    shortener("user", "create", EMAIL, "--no-password")
    code, said = shortener(
        "key", "create", EMAIL, "--name", "CI", "--scope", "links:read", "--days", "3", "--rate", "7"
    )
    assert code == 0
    key = said.strip()
    assert (await client.get(ME, headers={"X-API-Key": key})).json()["scopes"] == ["links:read"]
    async with database.driver_connection() as connection:
        row = await connection.fetchrow("SELECT requests_per_minute, expires_at - created_at AS lives FROM api_keys")
    assert (row["requests_per_minute"], row["lives"].days) == (7, 2)
    _, listed = shortener("key", "list", EMAIL)
    assert key[:10] in listed
    assert key not in listed
    key_id = listed.splitlines()[1].split()[0]
    assert shortener("key", "revoke", key_id) == (0, "")
    await until_answered(client, {"X-API-Key": key}, 401)
    assert (await log_in(client)).status_code == 401, "a user without a password cannot log in"


async def test_a_disabled_user_is_refused_until_enabled_again(client, settings):
    await commands.create_user(settings, EMAIL, PASSWORD, is_admin=False)
    key = {"X-API-Key": await commands.create_key(settings, EMAIL, "x", [], None, None)}
    await until_answered(client, key, 200)
    await set_disabled(settings, EMAIL, is_disabled=True)
    await until_answered(client, key, 401)
    assert (await log_in(client)).status_code == 401
    await set_disabled(settings, EMAIL, is_disabled=False)
    await until_answered(client, key, 200)
    assert (await log_in(client)).status_code == 200


async def test_a_reset_password_is_the_only_one_from_then_on(client, settings):
    await commands.create_user(settings, EMAIL, PASSWORD, is_admin=False)
    await commands.reset_password(settings, EMAIL, OTHER_PASSWORD)
    assert (await log_in(client)).status_code == 401
    assert (await log_in(client, EMAIL, OTHER_PASSWORD)).status_code == 200


async def test_the_first_admins_key_is_given_once_and_can_do_everything(client, settings):
    key = await commands.first_admin_key(settings)
    assert await commands.first_admin_key(settings) is None
    headers = {"X-API-Key": key}
    me = (await client.get(ME, headers=headers)).json()
    assert me["is_admin"]
    assert me["scopes"] == ["admin", "links:read", "links:write", "stats:read", "tokens:verify"]
    body = {"name": "x", "scopes": ["links:read"]}
    assert (await client.post(KEYS, json=body, headers=headers)).status_code == 201


async def test_where_there_is_a_user_no_admin_is_made(settings):
    await commands.create_user(settings, EMAIL, PASSWORD, is_admin=False)
    assert await commands.first_admin_key(settings) is None


OPEN = {
    "registration": "open",
    "anonymous_links": "true",
    "anonymous_manage": "true",
    "anonymous_link_days": "0",
    "look_alikes": "allow",
}


def open_but(name: str) -> dict[str, str]:
    return {other: value for other, value in OPEN.items() if other != name}


@pytest.mark.parametrize(
    ("chosen", "defaults"),
    [
        ({}, OPEN),
        ({"host": "::1"}, OPEN),
        ({"base_url": "http://localhost:8000"}, OPEN),
        ({"host": "0.0.0.0"}, {}),
        ({"host": "192.0.2.1"}, {}),
        ({"base_url": "https://sho.rt"}, {}),
        ({"trusted_proxies": "127.0.0.1"}, {}),
        ({"anonymous_links": False}, open_but("anonymous_links")),
        ({"anonymous_manage": False}, open_but("anonymous_manage")),
        ({"anonymous_link_days": 7}, open_but("anonymous_link_days")),
        ({"look_alikes": "warn"}, open_but("look_alikes")),
        ({"registration": "closed"}, open_but("registration")),
    ],
    ids=str,
)
def test_only_what_nobody_else_can_reach_is_open(monkeypatch, chosen, defaults):
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    assert local_defaults(Settings(**chosen)) == defaults
