"""Members and owners: a workspace always has an owner, even if several leave at the same time."""

import asyncio

import pytest

from shortener.accounts import commands
from shortener.workspaces import service
from tests.accounts.conftest import ME, PASSWORD, logged_in
from tests.links.test_api import assert_problem
from tests.workspaces.conftest import INVITATIONS, LINKS, URL, WORKSPACES, Person


async def owners(database, workspace: str) -> int:
    async with database.driver_connection() as connection:
        return await connection.fetchval(
            "SELECT count(*) FROM workspace_members WHERE workspace_id = $1 AND role = 'owner'", workspace
        )


async def test_each_user_has_a_personal_workspace_however_they_are_made(client, settings, ada):
    await commands.create_user(settings, "cli@example.com", PASSWORD, is_admin=False)
    cli = Person(await logged_in(client, "cli@example.com"))
    for someone in (ada, cli):
        (only,) = (await someone.get(WORKSPACES))["items"]
        assert (only["personal"], only["role"], only["name"]) == (True, "owner", "Personal")
        link = await someone.post(LINKS, url=URL)
        assert link["workspace"] == only["id"]


async def test_the_first_admin_has_a_personal_workspace(client, settings):
    headers = {"X-API-Key": await commands.first_admin_key(settings)}
    answer = await client.post(LINKS, json={"url": URL, "code": "first"}, headers=headers)
    assert answer.json()["workspace"] is not None
    assert (await client.get(f"{LINKS}/first", headers=headers)).status_code == 200


async def test_a_user_whom_the_version_before_has_made_gets_theirs_with_the_next_login(client, database, ada):
    async with database.driver_connection() as connection:
        await connection.execute("DELETE FROM workspaces")
    assert_problem(await ada.ask("POST", LINKS, json={"url": URL}), 404, "workspace-not-found")
    again = Person(await logged_in(client, ada.email))
    assert len((await again.get(WORKSPACES))["items"]) == 1
    await again.post(LINKS, url=URL)


async def test_the_last_owner_stays_one(ada, bob, shared):
    await ada.share(shared, bob=(bob, "editor"))
    me = f"{WORKSPACES}/{shared}/members/{await ada.member_id(shared)}"
    assert_problem(await ada.ask("DELETE", me), 409, "last-owner")
    assert_problem(await ada.ask("PATCH", me, json={"role": "viewer"}), 409, "last-owner")
    other = f"{WORKSPACES}/{shared}/members/{await ada.member_id(shared, bob)}"
    assert await ada.status("PATCH", other, json={"role": "owner"}) == 200
    assert await ada.status("DELETE", me) == 204
    assert await ada.status("GET", f"{WORKSPACES}/{shared}") == 404


@pytest.mark.parametrize("way", ["leave", "step down", "remove each other", "demote each other"])
async def test_of_two_owners_who_go_at_once_one_stays(ada, bob, database, way):
    for n in range(10):
        shared = (await ada.post(WORKSPACES, name=str(n)))["id"]
        await ada.share(shared, bob=(bob, "owner"))
        members = f"{WORKSPACES}/{shared}/members"
        ids = {ada: await ada.member_id(shared), bob: await ada.member_id(shared, bob)}
        method = "DELETE" if way in {"leave", "remove each other"} else "PATCH"
        options = {"json": {"role": "viewer"}} if method == "PATCH" else {}
        target = {ada: bob, bob: ada} if "each other" in way else {ada: ada, bob: bob}
        statuses = await asyncio.gather(
            *(someone.status(method, f"{members}/{ids[target[someone]]}", **options) for someone in (ada, bob))
        )
        assert sorted(statuses) in ([200, 403], [200, 409], [204, 404], [204, 409]), statuses
        assert await owners(database, shared) == 1


async def test_of_two_owners_who_delete_their_accounts_at_once_one_stays(ada, bob, database):
    shared = (await ada.post(WORKSPACES, name="Marketing"))["id"]
    await ada.share(shared, bob=(bob, "owner"))
    statuses = await asyncio.gather(
        *(someone.status("POST", f"{ME}/delete", json={"password": PASSWORD}) for someone in (ada, bob))
    )
    assert sorted(statuses) == [204, 409]
    assert await owners(database, shared) == 1


async def test_an_account_that_is_a_workspaces_only_owner_is_not_deleted(ada, bob, shared):
    await ada.share(shared, bob=(bob, "editor"))
    await ada.post(LINKS, url=URL, code="mine")
    answer = await ada.ask("POST", f"{ME}/delete", json={"password": PASSWORD})
    assert_problem(answer, 409, "only-owner")
    assert f"Marketing ({shared})" in answer.json()["detail"]
    assert (await ada.account.client.get("/mine")).status_code == 302
    assert await ada.status("GET", ME) == 200


async def test_links_of_a_deleted_account_answer_410_and_those_of_others_go_on(ada, bob, shared):
    await ada.share(shared, bob=(bob, "owner"))
    await ada.post(LINKS, url=URL, code="mine")
    await ada.post(LINKS, url=URL, code="ours", workspace=shared)
    client = ada.account.client
    assert (await client.get("/mine")).status_code == 302
    assert await ada.status("POST", f"{ME}/delete", json={"password": PASSWORD}) == 204
    assert [(await client.get(path)).status_code for path in ("/mine", "/ours")] == [410, 302]
    assert await bob.codes(f"workspace={shared}") == {"ours"}
    assert [m["email"] for m in (await bob.get(f"{WORKSPACES}/{shared}/members"))["items"]] == [bob.email]


async def test_a_personal_workspace_has_one_member_and_stays(ada, bob):
    personal = await ada.personal()
    body = {"email": bob.email, "workspace": personal, "role": "viewer"}
    assert_problem(await ada.ask("POST", INVITATIONS, json=body), 409, "personal-workspace")
    assert_problem(await ada.ask("DELETE", f"{WORKSPACES}/{personal}"), 409, "personal-workspace")
    me = f"{WORKSPACES}/{personal}/members/{await ada.member_id(personal)}"
    assert_problem(await ada.ask("DELETE", me), 409, "personal-workspace")
    assert_problem(await ada.ask("PATCH", me, json={"role": "viewer"}), 409, "last-owner")
    assert (await ada.ask("PATCH", f"{WORKSPACES}/{personal}", json={"name": " Ada "})).json()["name"] == "Ada"


async def test_a_member_is_of_the_workspace_in_the_path(ada, bob, eve, shared):
    await ada.share(shared, bob=(bob, "viewer"))
    bobs = (await bob.post(WORKSPACES, name="Bob's"))["id"]
    await bob.share(bobs, eve=(eve, "viewer"))
    foreign = await bob.member_id(bobs, eve)
    for method, options in (("PATCH", {"json": {"role": "owner"}}), ("DELETE", {})):
        answer = await ada.ask(method, f"{WORKSPACES}/{shared}/members/{foreign}", **options)
        assert_problem(answer, 404, "member-not-found")


async def test_lists_come_in_pages_and_their_cursors_are_their_own(ada, bob, eve, shared):
    await ada.share(shared, bob=(bob, "viewer"), eve=(eve, "editor"))
    found, path = [], f"{WORKSPACES}/{shared}/members?limit=1"
    while path:
        page = await ada.get(path)
        found += [member["email"] for member in page["items"]]
        path = page["next"]
    assert found == [ada.email, bob.email, eve.email]
    cursor = (await ada.get(f"{WORKSPACES}/{shared}/members?limit=1"))["next"].partition("cursor=")[2]
    for elsewhere in (WORKSPACES, INVITATIONS, f"{WORKSPACES}/{await ada.personal()}/members"):
        assert_problem(await ada.ask("GET", f"{elsewhere}?cursor={cursor}"), 400, "invalid-cursor")


async def test_what_nobody_asked_for_is_refused(ada, bob, shared):
    await ada.share(shared, bob=(bob, "editor"))
    member = f"{WORKSPACES}/{shared}/members/{await ada.member_id(shared, bob)}"
    for method, path, body in (
        ("POST", WORKSPACES, {"name": "x", "personal": True}),
        ("POST", WORKSPACES, {"name": "x", "id": shared}),
        ("POST", WORKSPACES, {"name": " "}),
        ("PATCH", f"{WORKSPACES}/{shared}", {"name": "x", "personal_user_id": 1}),
        ("PATCH", member, {"role": "owner", "user_id": 1}),
        ("PATCH", member, {"role": "admin"}),
        ("POST", INVITATIONS, {"email": "x@example.com", "workspace": shared, "role": "viewer", "invited_by": 1}),
        ("POST", INVITATIONS, {"email": "x@example.com", "workspace": shared}),
        ("POST", INVITATIONS, {"email": "x@example.com", "role": "owner"}),
        ("POST", f"{INVITATIONS}/accept", {"token": "x", "role": "owner"}),
        ("POST", LINKS, {"url": URL, "workspace_id": shared}),
        ("PATCH", f"{LINKS}/abc", {"workspace_id": shared}),
    ):
        assert_problem(await ada.ask(method, path, json=body), 422, "invalid-request")


async def test_nobody_owns_more_workspaces_than_are_allowed_however_many_ask_at_once(ada, monkeypatch):
    monkeypatch.setattr(service, "MAX_WORKSPACES", 3)
    statuses = await asyncio.gather(*(ada.status("POST", WORKSPACES, json={"name": "x"}) for _ in range(6)))
    # The personal one is the first.
    assert sorted(statuses) == [201, 201, 409, 409, 409, 409]


async def test_links_without_owner_are_given_to_a_user_by_command(settings, client, database, ada):
    async with database.driver_connection() as connection:
        await connection.execute(
            "INSERT INTO links (code, url) SELECT 'c' || i, 'https://example.com/' FROM generate_series(1, 1001) i"
        )
    assert await commands.adopt_links(settings, ada.email) == 1001
    assert (await ada.get(LINKS))["total"] == 1001
