"""Whatever is done with accounts, logins, keys and links leaves exactly one entry, and what is not done leaves none."""

import asyncio
from typing import Any

import pytest

from shortener.accounts import commands, service
from shortener.accounts.service import RACE
from shortener.audit.trail import Action
from shortener.moderation.commands import set_disabled
from tests.accounts.conftest import (
    AUTH,
    EMAIL,
    KEYS,
    LINKS,
    ME,
    OTHER_PASSWORD,
    PASSWORD,
    Account,
    bearer,
    log_in,
    logged_in,
    refresh,
    register,
)
from tests.audit.conftest import entries_of
from tests.clicks.make import rows_of
from tests.conftest import changed, client_of, running_app
from tests.test_docs import ROOT

CLIENT = "203.0.113.0/24"
ANONYMOUS = ("anonymous", None, CLIENT)


async def log_of(database) -> list[tuple[Any, ...]]:
    return await rows_of(database, "SELECT action, actor, means, client, target, details FROM audit_log ORDER BY id")


async def id_of(database, email: str = EMAIL) -> str:
    [(user_id,)] = await rows_of(database, "SELECT id FROM users WHERE email = $1", email)
    return f"user:{user_id}"


async def session_of(database) -> str:
    [(session_id,)] = await rows_of(database, "SELECT id FROM sessions ORDER BY created_at DESC LIMIT 1")
    return f"session:{session_id}"


@pytest.fixture
async def of_ada(ada: Account, database) -> tuple[str, str, str]:
    """Who ada is in the log: actor, means, client."""
    return await id_of(database), await session_of(database), CLIENT


async def since(database, count: int) -> list[tuple[Any, ...]]:
    return (await log_of(database))[count:]


async def test_a_registration_and_a_login_are_recorded_with_who_they_made(client, database):
    await register(client)
    user, session = await id_of(database), await session_of(database)
    assert await log_of(database) == [
        ("user.created", *ANONYMOUS, user, {"admin": False}),
        ("login.succeeded", user, session, CLIENT, user, {}),
    ]


async def test_a_registration_of_a_known_address_is_recorded_as_refused(client, database, ada):
    count = len(await log_of(database))
    body = {"email": EMAIL, "password": OTHER_PASSWORD}
    assert (await client.post(f"{AUTH}/register", json=body)).status_code == 201
    assert await since(database, count) == [("registration.refused", *ANONYMOUS, None, {})]


async def test_refused_logins_are_recorded_with_the_account_if_there_is_one(client, settings, database, ada, of_ada):
    user, _, _ = of_ada
    count = len(await log_of(database))
    await log_in(client, password="not her password")
    await log_in(client, email="nobody@example.com")
    await set_disabled(settings, EMAIL, is_disabled=True)
    await log_in(client)
    wrong = {"reason": "invalid-login"}
    assert await since(database, count) == [
        ("login.refused", *ANONYMOUS, user, wrong),
        ("login.refused", *ANONYMOUS, None, wrong),
        ("user.disabled", "command-line", None, None, user, {}),
        ("login.refused", *ANONYMOUS, user, wrong),
    ]


async def test_a_login_that_is_refused_during_a_pause_is_recorded_too(client, database, ada):
    answers = [(await log_in(client, password=f"guess number {n}")).status_code for n in range(11)]
    assert answers == [401] * 10 + [429]
    reasons = [details["reason"] for *_, details in await entries_of(database, "login.refused")]
    assert reasons == ["invalid-login"] * 10 + ["too-many-failures"]


async def test_fifty_logins_at_once_leave_fifty_entries(client, database, ada):
    count = len(await log_of(database))
    answers = await asyncio.gather(*(log_in(client) for _ in range(50)))
    found = await since(database, count)
    assert len(found) == 50
    succeeded = sum(answer.status_code == 200 for answer in answers)
    assert sum(action == "login.succeeded" for action, *_ in found) == succeeded > 0


async def test_a_logout_is_recorded_as_the_end_of_its_session(client, database, ada, of_ada):
    count = len(await log_of(database))
    user, session, _ = of_ada
    assert (await client.post(f"{AUTH}/logout", headers=ada.headers)).status_code == 204
    assert await since(database, count) == [
        ("session.ended", *of_ada, session, {"user": user, "reason": "logout"}),
    ]


async def test_a_refresh_token_that_comes_back_is_recorded_once(client, database, ada, of_ada, monkeypatch):
    count = len(await log_of(database))
    user, session, _ = of_ada
    assert (await refresh(client, ada.refresh)).status_code == 200
    assert (await refresh(client, ada.refresh)).status_code == 401
    assert await since(database, count) == [], "a refresh, and one that comes a moment late"
    monkeypatch.setattr(service, "RACE", -RACE)
    for _ in range(3):
        assert (await refresh(client, ada.refresh)).status_code == 401
    details = {"user": user, "reason": "a used refresh token came back"}
    assert await since(database, count) == [("session.ended", *ANONYMOUS, session, details)]


async def test_a_changed_password_and_a_wrong_one_are_recorded(client, database, ada, of_ada):
    count = len(await log_of(database))
    user = of_ada[0]
    for current, status in (("not her password", 403), (PASSWORD, 204)):
        body = {"current_password": current, "new_password": OTHER_PASSWORD}
        assert (await client.post(f"{ME}/password", json=body, headers=ada.headers)).status_code == status
    weak = {"current_password": OTHER_PASSWORD, "new_password": "short"}
    assert (await client.post(f"{ME}/password", json=weak, headers=ada.headers)).status_code == 422
    assert await since(database, count) == [
        ("password.refused", *of_ada, user, {"reason": "wrong-password"}),
        ("password.changed", *of_ada, user, {}),
    ]


async def test_a_deleted_account_stays_in_the_log(client, database, ada, of_ada):
    count = len(await log_of(database))
    body = {"password": PASSWORD}
    assert (await client.post(f"{ME}/delete", json=body, headers=ada.headers)).status_code == 204
    found = await log_of(database)
    assert found[count:] == [("user.deleted", *of_ada, of_ada[0], {})]
    assert len(found) == count + 1
    assert await rows_of(database, "SELECT id FROM users") == []


async def test_keys_are_recorded_when_made_and_when_revoked_once(client, database, ada, of_ada):
    count = len(await log_of(database))
    key = await ada.create_key("links:write", "links:read")
    for status in (204, 404):
        assert (await client.delete(f"{KEYS}/{key['id']}", headers=ada.headers)).status_code == status
    user = of_ada[0]
    details = {"user": user, "scopes": ["links:read", "links:write"]}
    assert await since(database, count) == [
        ("key.created", *of_ada, f"key:{key['id']}", details),
        ("key.revoked", *of_ada, f"key:{key['id']}", {"user": user}),
    ]


async def test_what_a_key_does_is_recorded_with_the_key(client, database, ada, of_ada):
    key = await ada.create_key("links:write")
    headers = {"X-API-Key": key["key"]}
    await client.post(LINKS, json={"url": "https://example.com/", "code": "abc"}, headers=headers)
    count = len(await log_of(database))
    change = {"url": "https://example.org/?token=secret", "title": "x"}
    assert (await client.patch(f"{LINKS}/abc", json=change, headers=headers)).status_code == 200
    for status in (204, 404):
        assert (await client.delete(f"{LINKS}/abc", headers=headers)).status_code == status
    assert (await client.patch(f"{LINKS}/abc", json=change, headers=headers)).status_code == 404
    them = (of_ada[0], f"key:{key['id']}", CLIENT)
    assert await since(database, count) == [
        ("link.changed", *them, "link:abc", {"fields": ["title", "url"]}),
        ("link.deleted", *them, "link:abc", {}),
    ]


async def test_where_links_are_open_to_all_a_change_is_nobodys(settings, database):
    async with (
        running_app(changed(settings, anonymous_links=True, anonymous_manage=True)) as app,
        client_of(app, "2001:db8:a:b::7") as client,
    ):
        await client.post(LINKS, json={"url": "https://example.com/", "code": "abc"})
        await client.delete(f"{LINKS}/abc")
    assert await log_of(database) == [("link.deleted", "anonymous", None, "2001:db8:a::/48", "link:abc", {})]


async def test_the_client_is_who_a_trusted_proxy_says_and_nobody_elses_word(settings, database):
    for trusted, network in (("203.0.113.7", "198.51.100.0/24"), ("", CLIENT)):
        trusting = changed(settings, trusted_proxies=trusted)
        async with running_app(trusting) as app, client_of(app) as client:
            await client.post(f"{AUTH}/register", json={"email": EMAIL, "password": PASSWORD})
            await client.post(
                f"{AUTH}/token",
                data={"username": EMAIL, "password": PASSWORD},
                headers={"X-Forwarded-For": "198.51.100.9\t, evil\x01"[:12]},
            )
        assert (await entries_of(database, "login.succeeded"))[-1][3] == network


async def test_the_command_line_is_recorded_as_such(settings, database):
    await commands.create_user(settings, EMAIL, PASSWORD, is_admin=True)
    key = await commands.create_key(settings, EMAIL, "a\nname", [], 1, None)
    await set_disabled(settings, EMAIL, is_disabled=True)
    await set_disabled(settings, EMAIL, is_disabled=False)
    await commands.reset_password(settings, EMAIL, OTHER_PASSWORD)
    [(key_id,)] = await rows_of(database, "SELECT id FROM api_keys")
    await commands.revoke_key(settings, key_id)
    user, key_subject = await id_of(database), f"key:{key_id}"
    by = ("command-line", None, None)
    scopes = ["admin", "links:read", "links:write", "stats:read", "tokens:verify"]
    assert await log_of(database) == [
        ("user.created", *by, user, {"admin": True}),
        ("key.created", *by, key_subject, {"user": user, "scopes": scopes}),
        ("user.disabled", *by, user, {}),
        ("user.enabled", *by, user, {}),
        ("password.changed", *by, user, {}),
        ("key.revoked", *by, key_subject, {"user": user}),
    ]
    assert key


async def test_the_first_admin_and_their_key_are_recorded(settings, database):
    await commands.first_admin_key(settings)
    await commands.first_admin_key(settings)
    assert [(action, actor) for action, actor, *_ in await log_of(database)] == [
        ("user.created", "command-line"),
        ("key.created", "command-line"),
    ]


async def test_what_fails_leaves_nothing(client, settings, database, ada):
    count = len(await log_of(database))
    with pytest.raises(commands.EmailTaken):
        await commands.create_user(settings, EMAIL, PASSWORD, is_admin=True)
    with pytest.raises(commands.UnknownUser):
        await set_disabled(settings, "nobody@example.com", is_disabled=True)
    for method, path, body in (
        ("POST", KEYS, {"name": "x", "scopes": ["admin"]}),
        ("PATCH", f"{LINKS}/nowhere", {"title": "x"}),
        ("DELETE", f"{LINKS}/nowhere", None),
        ("POST", f"{AUTH}/register", {"email": "eve@example.com", "password": "password1234"}),
    ):
        assert (await client.request(method, path, json=body, headers=ada.headers)).status_code in {403, 404, 422}
    assert await since(database, count) == []


async def test_an_entry_that_cannot_be_written_undoes_what_it_records(client, database, ada):
    await client.post(LINKS, json={"url": "https://example.com/", "code": "abc"}, headers=ada.headers)
    await rows_of(database, "ALTER TABLE audit_log ADD CONSTRAINT never CHECK (action <> 'link.deleted')")
    assert (await client.delete(f"{LINKS}/abc", headers=ada.headers)).status_code == 500
    assert (await client.get(f"{LINKS}/abc", headers=ada.headers)).status_code == 200


async def test_no_secret_name_url_or_address_is_in_the_log(client, settings, database):
    ada = await register(client)
    key = await ada.create_key("links:write", name="name-of-a-key")
    url = "https://example.com/secret-path"
    await client.post(LINKS, json={"url": url, "code": "abc", "title": "a-title"}, headers=ada.headers)
    await client.patch(f"{LINKS}/abc", json={"url": f"{url}/2", "title": "b-title"}, headers=ada.headers)
    await log_in(client, password="wrong-password-of-hers")
    await log_in(client, email="typed.secret@example.com")
    again = await logged_in(client)
    await client.post(f"{AUTH}/logout", headers=bearer(again.access))
    written = str(await log_of(database))
    for secret in (
        PASSWORD, EMAIL, ada.access, ada.refresh, key["key"], key["prefix"], "name-of-a-key", "secret-path", "-title",
        "wrong-password-of-hers", "typed.secret", "203.0.113.7", "example.com",
    ):  # fmt: skip
        assert secret not in written, secret


def test_every_action_is_explained_and_no_other() -> None:
    section = (ROOT / "docs/security.md").read_text().partition("## Audit log")[2].partition("\n## ")[0]
    table = section.partition("| Action |")[2]
    named = {
        word for line in table.splitlines() if line.startswith("|") for word in line.split("|")[1].split("`")[1::2]
    }
    assert named == {str(action) for action in Action}
