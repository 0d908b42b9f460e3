"""API keys: made, listed, revoked, and whose they are."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from dirty_equals import IsNow, IsStr, IsUUID

from shortener.access.parts import AUTHENTICATION
from shortener.accounts import commands
from shortener.accounts.keys import MAX_KEYS
from tests.accounts.conftest import KEYS, LINKS, ME, log_in, register
from tests.conftest import running_app
from tests.links.test_api import assert_problem


def shown(key) -> dict[str, str]:
    return {"X-API-Key": key["key"]}


async def make_admin(database) -> None:
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE users SET is_admin = true")


async def test_a_key_is_shown_once_and_stored_as_a_hash_only(client, ada, database):
    expires_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    body = {"name": " CI ", "scopes": ["links:write", "links:read", "links:read"], "expires_at": expires_at}
    answer = await client.post(KEYS, json=body, headers=ada.headers)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "private, no-store"
    key = answer.json()
    assert key == {
        "id": IsUUID(7),
        "name": "CI",
        "prefix": IsStr(regex=r"shr_\w{6}"),
        "scopes": ["links:read", "links:write"],
        "requests_per_minute": None,
        "created_at": IsNow(iso_string=True, tz="UTC", delta=10),
        "expires_at": IsStr(),
        "last_used_at": None,
        "key": IsStr(regex=key["prefix"] + r"_\w{43}"),
    }
    listed = (await client.get(KEYS, headers=ada.headers)).json()["items"]
    assert listed == [{name: value for name, value in key.items() if name != "key"}]
    async with database.driver_connection() as connection:
        row = dict(await connection.fetchrow("SELECT * FROM api_keys"))
    assert len(row["hash"]) == 32
    assert key["key"].rpartition("_")[2] not in str(row)


@pytest.mark.parametrize(
    "body",
    [
        {"scopes": ["links:read"]},
        {"name": "", "scopes": ["links:read"]},
        {"name": " ", "scopes": ["links:read"]},
        {"name": "x" * 101, "scopes": ["links:read"]},
        {"name": "a\x1bb", "scopes": ["links:read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "scopes": ["links:read"], "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "x", "scopes": ["links:read"], "expires_at": "2999-01-01T00:00:00"},
        {"name": "x", "scopes": ["links:read"], "expires_at": "9999-12-31T23:59:59Z"},
        {"name": "x", "scopes": ["links:read"], "user_id": 1},
        {"name": "x", "scopes": ["links:read"], "key": "shr_mine"},
        {"name": "x", "scopes": ["links:read"], "requests_per_minute": 1000000},
    ],
    ids=str,
)
async def test_a_key_that_cannot_be_is_refused(client, ada, body):
    assert (await client.post(KEYS, json=body, headers=ada.headers)).status_code == 422
    assert (await client.get(KEYS, headers=ada.headers)).json() == {"items": []}


async def test_nobody_gives_what_they_may_not_do(client, ada, database):
    body = {"name": "x", "scopes": ["links:read", "admin"]}
    assert_problem(await client.post(KEYS, json=body, headers=ada.headers), 403, "scope-not-held")
    await make_admin(database)
    admin = await log_in(client)
    headers = {"Authorization": f"Bearer {admin.json()['access_token']}"}
    key = (await client.post(KEYS, json=body, headers=headers)).json()
    # This key may manage keys, and not more than it holds.
    body["scopes"] = ["links:read", "links:write"]
    assert_problem(await client.post(KEYS, json=body, headers=shown(key)), 403, "scope-not-held")
    body["scopes"] = ["links:read"]
    assert (await client.post(KEYS, json=body, headers=shown(key))).status_code == 201


async def test_a_key_that_expires_makes_none_that_lasts_longer(client, ada, database):
    await make_admin(database)
    headers = {"Authorization": f"Bearer {(await log_in(client)).json()['access_token']}"}
    tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    body = {"name": "x", "scopes": ["admin"], "expires_at": tomorrow.isoformat()}
    key = (await client.post(KEYS, json=body, headers=headers)).json()
    for later in (None, (tomorrow + timedelta(seconds=1)).isoformat()):
        answer = await client.post(KEYS, json=body | {"expires_at": later}, headers=shown(key))
        assert_problem(answer, 403, "outlives-its-maker")
        assert tomorrow.isoformat() in answer.json()["detail"]
    assert (await client.post(KEYS, json=body, headers=shown(key))).status_code == 201


async def test_a_key_with_a_limit_makes_none_with_another(client, ada, database, settings):
    await make_admin(database)
    key = {"key": await commands.create_key(settings, ada.email, "slow", [], None, requests_per_minute=7)}
    made = (await client.post(KEYS, json={"name": "x", "scopes": ["admin"]}, headers=shown(key))).json()
    assert (await client.get(KEYS, headers=shown(made))).headers["x-ratelimit-limit"] == "7"


async def test_who_is_no_admin_any_more_has_no_admins_key(client, ada, database):
    await make_admin(database)
    headers = {"Authorization": f"Bearer {(await log_in(client)).json()['access_token']}"}
    body = {"name": "x", "scopes": ["admin", "links:read"]}
    key = (await client.post(KEYS, json=body, headers=headers)).json()
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE users SET is_admin = false")
    assert (await client.get(ME, headers=shown(key))).json()["scopes"] == ["links:read"]
    assert_problem(await client.get(KEYS, headers=shown(key)), 403, "login-required")


async def test_a_key_manages_no_keys_and_no_account(client, ada):
    key = await ada.create_key("links:read", "links:write", "stats:read")
    body = {"name": "x", "scopes": ["links:read"]}
    for answer in (
        await client.post(KEYS, json=body, headers=shown(key)),
        await client.get(KEYS, headers=shown(key)),
        await client.delete(f"{KEYS}/{key['id']}", headers=shown(key)),
        await client.post(f"{ME}/password", json={"current_password": "x", "new_password": "x"}, headers=shown(key)),
        await client.post(f"{ME}/delete", json={"password": "x"}, headers=shown(key)),
        await client.post("/api/v1/auth/logout", headers=shown(key)),
    ):
        assert_problem(answer, 403, "login-required")


async def test_a_revoked_key_works_no_more_and_is_gone_from_the_list(client, ada):
    key, kept = await ada.create_key(), await ada.create_key()
    assert (await client.get(LINKS, headers=shown(key))).status_code == 200
    assert (await client.delete(f"{KEYS}/{key['id']}", headers=ada.headers)).status_code == 204
    assert_problem(await client.get(LINKS, headers=shown(key)), 401, "invalid-credential")
    assert (await client.get(LINKS, headers=shown(kept))).status_code == 200
    assert [item["id"] for item in (await client.get(KEYS, headers=ada.headers)).json()["items"]] == [kept["id"]]
    assert_problem(await client.delete(f"{KEYS}/{key['id']}", headers=ada.headers), 404, "key-not-found")


async def test_somebody_elses_key_looks_as_if_there_were_none(client, ada):
    eve = await register(client, "eve@example.com")
    key = await ada.create_key()
    theirs = await client.delete(f"{KEYS}/{key['id']}", headers=eve.headers)
    nobodys = await client.delete(f"{KEYS}/{uuid.uuid4()}", headers=eve.headers)
    assert_problem(theirs, 404, "key-not-found")
    assert (theirs.text, theirs.headers) == (nobodys.text, nobodys.headers)
    assert (await client.get(KEYS, headers=eve.headers)).json() == {"items": []}
    assert (await client.get(LINKS, headers=shown(key))).status_code == 200


async def test_a_key_ends_when_it_expires(client, ada, database):
    key = await ada.create_key(expires_at=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE api_keys SET expires_at = now()")
    assert_problem(await client.get(LINKS, headers=shown(key)), 401, "invalid-credential")
    assert (await client.get(KEYS, headers=ada.headers)).json() == {"items": []}


async def test_a_user_has_so_many_keys_and_no_more_also_in_a_race(client, ada, database):
    async with database.driver_connection() as connection:
        await connection.execute(
            "INSERT INTO api_keys (id, user_id, name, prefix, hash, scopes)"
            " SELECT gen_random_uuid(), users.id, 'x', 'x', int4send(n), '{}' FROM users, generate_series(1, $1) n",
            MAX_KEYS - 1,
        )
    body = {"name": "x", "scopes": ["links:read"]}
    answers = await asyncio.gather(*(client.post(KEYS, json=body, headers=ada.headers) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


async def test_the_last_use_of_a_key_is_written_behind_the_requests(settings, app, client, ada, database):
    key, idle = await ada.create_key(), await ada.create_key()

    async def last_uses() -> dict[str, str | None]:
        items = (await client.get(KEYS, headers=ada.headers)).json()["items"]
        return {item["id"]: item["last_used_at"] for item in items}

    async with running_app(settings) as other:
        await other.state.parts[AUTHENTICATION].authenticate(key["key"], "203.0.113.7")
        assert await last_uses() == {key["id"]: None, idle["id"]: None}
    # A process that ends writes what it knows.
    assert await last_uses() == {key["id"]: IsNow(iso_string=True, tz="UTC", delta=20), idle["id"]: None}
