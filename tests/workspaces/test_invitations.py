"""Invitations: for one address, once, for seven days, and only as long as who invited could still invite."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from dirty_equals import IsNow, IsStr

from shortener.accounts import commands
from shortener.accounts.parts import ACCOUNTS
from shortener.clicks.parts import CLICK_STREAM
from shortener.clicks.stream import ClickStream, Sealer
from shortener.stores.parts import DATABASE
from shortener.workspaces import invitations
from tests.accounts.conftest import AUTH, PASSWORD, log_in, logged_in
from tests.clicks.make import rows_of
from tests.conftest import SECRET, changed, client_of, job_context, running_app
from tests.links.test_api import assert_problem
from tests.workspaces.conftest import INVITATIONS, LINKS, WORKSPACES, Person, person
from workers.retention import delete_expired

ACCEPT = f"{INVITATIONS}/accept"


async def test_an_invited_accepts_once_and_has_the_role(ada, bob, shared, database):
    body = {"email": "Bob@Example.com", "workspace": shared, "role": "editor"}
    made = await ada.post(INVITATIONS, **body)
    assert made == {
        "id": IsStr(),
        "email": bob.email,
        "workspace": shared,
        "role": "editor",
        "created_at": IsNow(iso_string=True, tz="UTC", delta=10),
        "expires_at": IsStr(),
        "token": IsStr(regex="shri_[A-Za-z0-9]{43}"),
    }
    assert datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"]) == timedelta(days=7)
    token = made.pop("token")
    assert (await ada.get(INVITATIONS))["items"] == [made]
    async with database.driver_connection() as connection:
        stored = await connection.fetchrow("SELECT * FROM invitations")
    assert token not in str(dict(stored))

    joined = await bob.post(ACCEPT, token=token)
    assert (joined["id"], joined["role"], joined["personal"]) == (shared, "editor", False)
    assert_problem(await bob.ask("POST", ACCEPT, json={"token": token}), 404, "invitation-not-found")
    assert (await ada.get(INVITATIONS))["items"] == []


async def test_an_invitation_says_what_it_is_for_and_stays_valid(ada, bob, eve, shared):
    token = await ada.invite(bob, shared, "editor")
    preview = f"{INVITATIONS}/preview"
    for _ in range(2):
        shown = await bob.post(preview, token=token)
        assert (shown["workspace"], shown["workspace_name"], shown["role"]) == (shared, IsStr(), "editor")
    assert_problem(await eve.ask("POST", preview, json={"token": token}), 404, "invitation-not-found")
    assert await bob.status("POST", ACCEPT, json={"token": token}) == 200


async def test_an_invitation_is_of_no_use_to_others(ada, bob, eve, shared):
    token = await ada.invite(bob, shared, "owner")
    assert_problem(await eve.ask("POST", ACCEPT, json={"token": token}), 404, "invitation-not-found")
    assert await bob.status("POST", ACCEPT, json={"token": token}) == 200


async def revoke(ada: Person, bob: Person, shared: str, database) -> None:
    (open_,) = (await ada.get(INVITATIONS))["items"]
    assert await bob.status("DELETE", f"{INVITATIONS}/{open_['id']}") == 404
    assert await ada.status("DELETE", f"{INVITATIONS}/{open_['id']}") == 204


async def expire(ada: Person, bob: Person, shared: str, database) -> None:
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE invitations SET expires_at = $1", datetime.now(UTC) - timedelta(seconds=1))
    assert (await ada.get(INVITATIONS))["items"] == []


async def invite_again(ada: Person, bob: Person, shared: str, database) -> None:
    await ada.invite(bob, shared, "viewer")


async def demote(ada: Person, bob: Person, shared: str, database) -> None:
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE workspace_members SET role = 'editor' WHERE workspace_id = $1", shared)


async def disable(ada: Person, bob: Person, shared: str, database) -> None:
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE users SET is_disabled = true WHERE email = $1", ada.email)


async def delete_workspace(ada: Person, bob: Person, shared: str, database) -> None:
    assert await ada.status("DELETE", f"{WORKSPACES}/{shared}") == 204


@pytest.mark.parametrize("end", [revoke, expire, invite_again, demote, disable, delete_workspace])
async def test_an_invitation_that_is_no_more_looks_like_none(ada, bob, shared, database, end):
    token = await ada.invite(bob, shared, "editor")
    await end(ada, bob, shared, database)
    ended, none = [await bob.ask("POST", ACCEPT, json={"token": t}) for t in (token, "x")]
    assert_problem(ended, 404, "invitation-not-found")
    assert ended.json() == none.json()
    assert len((await bob.get(WORKSPACES))["items"]) == 1


async def test_of_many_that_accept_at_once_one_does(ada, bob, shared):
    token = await ada.invite(bob, shared, "editor")
    statuses = await asyncio.gather(*(bob.status("POST", ACCEPT, json={"token": token}) for _ in range(10)))
    assert sorted(statuses) == [200] + [404] * 9


async def test_who_accepts_while_the_workspace_is_deleted_is_told_so(ada, bob, eve):
    for n in range(10):
        shared = (await ada.post(WORKSPACES, name=str(n)))["id"]
        tokens = {someone: await ada.invite(someone, shared, "editor") for someone in (bob, eve)}
        statuses = await asyncio.gather(
            ada.status("DELETE", f"{WORKSPACES}/{shared}"),
            *(someone.status("POST", ACCEPT, json={"token": token}) for someone, token in tokens.items()),
        )
        assert statuses[0] == 204
        assert set(statuses[1:]) <= {200, 404}
        assert await bob.status("GET", f"{WORKSPACES}/{shared}") == 404


async def test_who_is_a_member_is_not_invited(ada, bob, shared):
    first, again = [await ada.invite(bob, shared, "editor") for _ in range(2)]
    assert first != again
    await bob.post(ACCEPT, token=again)
    body = {"email": bob.email, "workspace": shared, "role": "owner"}
    assert_problem(await ada.ask("POST", INVITATIONS, json=body), 409, "already-member")


async def test_a_key_lets_nobody_in_who_outlives_it(ada, bob, shared):
    key = await ada.account.create_key("links:read", "links:write", "stats:read")
    body = {"email": bob.email, "workspace": shared, "role": "owner"}
    answer = await ada.account.client.post(INVITATIONS, json=body, headers={"X-API-Key": key["key"]})
    assert_problem(answer, 403, "login-required")


async def test_there_is_an_end_of_invitations(ada, shared, monkeypatch):
    monkeypatch.setattr(invitations, "MAX_INVITATIONS", 2)
    statuses = [
        await ada.status("POST", INVITATIONS, json={"email": f"{n}@example.com", "workspace": shared, "role": "viewer"})
        for n in (1, 2, 2, 3)
    ]
    assert statuses == [201, 201, 201, 409]


async def test_a_token_in_a_url_is_refused(ada, bob, shared):
    token = await ada.invite(bob, shared, "viewer")
    assert await bob.status("POST", f"{ACCEPT}?token={token}", json={"token": token}) == 401


async def registered(client, **body) -> tuple[int, str]:
    answer = await client.post(f"{AUTH}/register", json={"email": "new@example.com", "password": PASSWORD} | body)
    return answer.status_code, answer.json().get("type", "").rpartition(":")[2]


REQUIRED = (403, "invitation-required")


async def test_where_accounts_are_by_invitation_only_the_invited_gets_one(settings):
    async with running_app(changed(settings, registration="invite")) as app, client_of(app) as client:
        await commands.create_user(settings, "admin@example.com", PASSWORD, is_admin=True)
        await commands.create_user(settings, "ada@example.com", PASSWORD, is_admin=False)
        admin, ada = [Person(await logged_in(client, f"{name}@example.com")) for name in ("admin", "ada")]
        body = {"email": "new@example.com"}
        assert_problem(await ada.ask("POST", INVITATIONS, json=body), 403, "insufficient-scope")
        invitation = await admin.post(INVITATIONS, **body)
        assert (invitation["workspace"], invitation["role"]) == (None, None)
        assert (await ada.get(INVITATIONS))["items"] == []
        assert len((await admin.get(INVITATIONS))["items"]) == 1
        token = invitation["token"]

        assert await registered(client) == REQUIRED
        assert await registered(client, invitation="x") == REQUIRED
        assert await registered(client, invitation=token, email="other@example.com") == REQUIRED
        assert (await registered(client, invitation=token, password="short"))[0] == 422
        assert (await log_in(client, "new@example.com")).status_code == 401
        assert await registered(client, invitation=token) == (201, "")
        assert await registered(client, invitation=token) == REQUIRED
        new = Person(await logged_in(client, "new@example.com"))
        assert [w["personal"] for w in (await new.get(WORKSPACES))["items"]] == [True]
        assert_problem(await new.ask("POST", ACCEPT, json={"token": token}), 404, "invitation-not-found")


async def test_an_admin_who_is_none_any_more_has_invited_nobody(settings, database):
    async with running_app(changed(settings, registration="invite")) as app, client_of(app) as client:
        await commands.create_user(settings, "admin@example.com", PASSWORD, is_admin=True)
        admin = Person(await logged_in(client, "admin@example.com"))
        token = (await admin.post(INVITATIONS, email="new@example.com"))["token"]
        async with database.driver_connection() as connection:
            await connection.execute("UPDATE users SET is_admin = false")
        assert await registered(client, invitation=token) == REQUIRED


@pytest.mark.parametrize("registration", ["invite", "open"])
async def test_who_registers_with_an_invitation_is_a_member_at_once(settings, registration):
    async with running_app(changed(settings, registration=registration)) as app, client_of(app) as client:
        await commands.create_user(settings, "ada@example.com", PASSWORD, is_admin=False)
        ada = Person(await logged_in(client, "ada@example.com"))
        shared = (await ada.post(WORKSPACES, name="Marketing"))["id"]
        body = {"email": "new@example.com", "workspace": shared, "role": "viewer"}
        token = (await ada.post(INVITATIONS, **body))["token"]
        assert await registered(client, invitation="x") == REQUIRED
        assert await registered(client, invitation=token) == (201, "")
        new = Person(await logged_in(client, "new@example.com"))
        assert await new.codes(f"workspace={shared}") == set()
        assert await new.status("POST", LINKS, json={"url": "https://example.com/", "workspace": shared}) == 403


async def test_an_address_that_has_an_account_is_answered_alike_and_keeps_its_invitation(settings):
    async with running_app(changed(settings, registration="invite")) as app, client_of(app) as client:
        for name in ("ada", "bob"):
            await commands.create_user(settings, f"{name}@example.com", PASSWORD, is_admin=False)
        ada, bob = [Person(await logged_in(client, f"{name}@example.com")) for name in ("ada", "bob")]
        shared = (await ada.post(WORKSPACES, name="Marketing"))["id"]
        token = await ada.invite(bob, shared, "viewer")
        assert await registered(client, email=bob.email, invitation=token, password="another giraffe") == (201, "")
        assert (await log_in(client, bob.email, "another giraffe")).status_code == 401
        assert await bob.status("POST", ACCEPT, json={"token": token}) == 200


async def test_where_nobody_registers_an_invitation_is_no_help(settings, ada, shared):
    body = {"email": "new@example.com", "workspace": shared, "role": "viewer"}
    token = (await ada.post(INVITATIONS, **body))["token"]
    async with running_app(changed(settings, registration="closed")) as app, client_of(app) as client:
        assert await registered(client, invitation=token) == (403, "registration-closed")


async def test_who_is_not_known_to_be_invited_costs_no_hash(app, client, monkeypatch):
    await person(client, "ada")
    made: list[bool] = []
    submit = app.state.parts[ACCOUNTS]._passwords._threads.submit
    monkeypatch.setattr(
        app.state.parts[ACCOUNTS]._passwords._threads, "submit", lambda *a: made.append(True) or submit(*a)
    )
    assert await registered(client, invitation="x") == REQUIRED
    assert not made


async def test_an_expired_invitation_is_forgotten_with_its_address_and_no_other(
    ada, bob, eve, shared, settings, database, redis
):
    for invited in (bob, eve):
        await ada.invite(invited, shared, "editor")
    stream = ClickStream(redis, Sealer(SECRET))
    await stream.ensure_group()
    await rows_of(
        database, "UPDATE invitations SET expires_at = now() - interval '1 second' WHERE email = $1", bob.email
    )
    await delete_expired(job_context(settings, {DATABASE: database, CLICK_STREAM: stream}))
    assert await rows_of(database, "SELECT email FROM invitations") == [(eve.email,)]
