"""Whatever is done with workspaces, members, invitations, bans and reports leaves its entries."""

import pytest

from shortener.accounts import commands
from shortener.screening import checks
from shortener.screening.parts import FEEDS
from shortener.stores.parts import DATABASE, REDIS
from tests.accounts.conftest import AUTH, EMAIL, LINKS, PASSWORD, Account, register
from tests.audit.test_actions import ANONYMOUS, CLIENT, id_of, log_of, since
from tests.clicks.make import rows_of
from tests.conftest import changed, client_of, create_link, job_context, running_app
from tests.moderation.conftest import ADMIN, BANS, REPORTS, ban, lift
from tests.workspaces.conftest import INVITATIONS, WORKSPACES, Person
from workers.destinations import check_destinations

BOB = "bob@example.com"


@pytest.fixture
async def bob(client) -> Account:
    return await register(client, BOB)


async def means_of(database, user: str) -> tuple[str, str, str]:
    """Actor, means and client of a user who has logged in once."""
    [(session,)] = await rows_of(
        database, "SELECT id FROM sessions WHERE user_id = $1", int(user.removeprefix("user:"))
    )
    return (user, f"session:{session}", CLIENT)


async def means_of_admin(database, headers: dict[str, str]) -> tuple[str, str, str]:
    [(user, key)] = await rows_of(database, "SELECT user_id, id FROM api_keys WHERE $1 <> ''", str(headers))
    return (f"user:{user}", f"key:{key}", CLIENT)


async def test_a_workspace_is_recorded_from_its_making_to_its_end(client, database, ada):
    user = await id_of(database)
    by = await means_of(database, user)
    count = len(await log_of(database))
    owner = Person(ada)
    made = (await owner.post(WORKSPACES, name="Secret plans"))["id"]
    for code in ("abc", "def"):
        await owner.post(LINKS, url="https://example.com/", code=code)
        assert await owner.status("PATCH", f"{LINKS}/{code}", json={"workspace": made}) == 200
    assert await owner.status("PATCH", f"{WORKSPACES}/{made}", json={"name": "Other plans"}) == 200
    for status in (204, 404):
        assert await owner.status("DELETE", f"{WORKSPACES}/{made}") == status
    target = f"workspace:{made}"
    assert await since(database, count) == [
        ("workspace.created", *by, target, {}),
        ("link.changed", *by, "link:abc", {"fields": ["workspace"]}),
        ("link.changed", *by, "link:def", {"fields": ["workspace"]}),
        ("workspace.renamed", *by, target, {}),
        ("links.deleted", *by, target, {"links": 2}),
        ("workspace.deleted", *by, target, {}),
    ]
    assert "plans" not in str(await log_of(database))


async def test_members_are_recorded_when_they_come_change_and_go(client, database, ada, bob):
    user, other = await id_of(database), await id_of(database, BOB)
    by, by_other = await means_of(database, user), await means_of(database, other)
    owner, guest = Person(ada), Person(bob)
    workspace = (await owner.post(WORKSPACES, name="Marketing"))["id"]
    count = len(await log_of(database))
    token = await owner.invite(guest, workspace, "viewer")
    [(invitation,)] = await rows_of(database, "SELECT id FROM invitations")
    await guest.post(f"{INVITATIONS}/accept", token=token)
    path = f"{WORKSPACES}/{workspace}/members/{await owner.member_id(workspace, guest)}"
    assert await owner.status("PATCH", path, json={"role": "editor"}) == 200
    assert await guest.status("PATCH", path, json={"role": "owner"}) == 403
    mine = f"{WORKSPACES}/{workspace}/members/{await owner.member_id(workspace)}"
    assert await owner.status("DELETE", mine) == 409
    assert await guest.status("DELETE", path) == 204
    where = {"workspace": f"workspace:{workspace}"}
    assert await since(database, count) == [
        ("invitation.created", *by, f"invitation:{invitation}", where | {"role": "viewer"}),
        ("invitation.accepted", *by_other, f"invitation:{invitation}", where | {"role": "viewer", "user": other}),
        ("member.added", *by_other, other, where | {"role": "viewer"}),
        ("member.changed", *by, other, where | {"role": "editor"}),
        ("member.removed", *by_other, other, where | {"role": "editor"}),
    ]


async def test_an_invitation_is_recorded_as_revoked_once_and_without_its_address(client, database, ada):
    by = await means_of(database, await id_of(database))
    owner = Person(ada)
    workspace = (await owner.post(WORKSPACES, name="Marketing"))["id"]
    count = len(await log_of(database))
    made = (await owner.post(INVITATIONS, email="typed.secret@example.com", workspace=workspace, role="editor"))["id"]
    for status in (204, 404):
        assert await owner.status("DELETE", f"{INVITATIONS}/{made}") == status
    details = {"workspace": f"workspace:{workspace}", "role": "editor"}
    assert await since(database, count) == [
        ("invitation.created", *by, f"invitation:{made}", details),
        ("invitation.revoked", *by, f"invitation:{made}", details),
    ]
    assert "typed.secret" not in str(await log_of(database))


async def test_who_registers_with_an_invitation_is_recorded_as_having_accepted_it(client, database, admin):
    by = await means_of_admin(database, admin)
    count = len(await log_of(database))
    answer = await client.post(INVITATIONS, json={"email": EMAIL}, headers=admin)
    invitation, token = answer.json()["id"], answer.json()["token"]
    body = {"email": EMAIL, "password": PASSWORD, "invitation": token}
    assert (await client.post(f"{AUTH}/register", json=body)).status_code == 201
    user = await id_of(database)
    assert await since(database, count) == [
        ("invitation.created", *by, f"invitation:{invitation}", {}),
        ("user.created", *ANONYMOUS, user, {"admin": False}),
        ("invitation.accepted", *ANONYMOUS, f"invitation:{invitation}", {"user": user}),
    ]


async def test_adopted_links_are_recorded_with_who_has_them_now(app, database, settings, ada):
    user = await id_of(database)
    async with running_app(changed(settings, anonymous_links=True)) as opened, client_of(opened) as nobody:
        for _ in range(3):
            await create_link(nobody)
    count = len(await log_of(database))
    assert [await commands.adopt_links(settings, EMAIL) for _ in range(2)] == [3, 0]
    assert await since(database, count) == [("links.adopted", "command-line", None, None, user, {"links": 3})]


async def test_bans_and_their_ends_are_recorded_without_what_was_banned_being_told(client, database, admin, ada):
    by, user = await means_of_admin(database, admin), await id_of(database)
    await Person(ada).post(LINKS, url="https://example.com/", code="abc")
    count = len(await log_of(database))
    wanted = (("link", "abc"), ("user", EMAIL), ("host", "phish.example"), ("client", "198.51.100.7"))
    ids = [(await ban(client, admin, kind, value, "for a reason"))["id"] for kind, value in wanted]
    body = {"kind": "link", "value": "abc", "reason": "again"}
    assert (await client.post(BANS, json=body, headers=admin)).status_code == 409
    for ban_id in ids:
        await lift(client, admin, ban_id)
    assert (await client.delete(f"{BANS}/{ids[0]}", headers=admin)).status_code == 404
    targets = ["link:abc", user, f"ban:{ids[2]}", f"ban:{ids[3]}"]
    assert await since(database, count) == [
        (action, *by, target, {"ban": f"ban:{ban_id}", "kind": kind})
        for action in ("ban.created", "ban.lifted")
        for (kind, _), ban_id, target in zip(wanted, ids, targets, strict=True)
    ]


async def test_a_ban_by_a_feed_is_recorded_as_the_workers(client, settings, database, redis, admin, ada, monkeypatch):
    monkeypatch.setattr(checks, "SETTLED_AFTER", -checks.SETTLED_AFTER)

    class Lists:
        async def check(self, url: str) -> str | None:
            return "MALWARE" if "phish" in url else None

    ctx = job_context(settings, {DATABASE: database, REDIS: redis, FEEDS: {"web_risk": Lists()}})
    await check_destinations(ctx)
    await Person(ada).post(LINKS, url="https://phish.example/", code="bad")
    count = len(await log_of(database))
    await check_destinations(ctx)
    [(ban_id,)] = await rows_of(database, "SELECT id FROM bans")
    details = {"ban": f"ban:{ban_id}", "kind": "link"}
    assert await since(database, count) == [("ban.created", "worker", None, None, "link:bad", details)]


async def test_what_admins_do_with_reports_links_and_users_is_recorded(client, database, admin, ada):
    by, user = await means_of_admin(database, admin), await id_of(database)
    for code in ("bad", "good"):
        await Person(ada).post(LINKS, url="https://example.com/", code=code)
        assert (await client.post(REPORTS, json={"code": code, "reason": "spam"})).status_code == 202
    cases = {item["code"]: item["id"] for item in (await client.get(f"{ADMIN}/reports", headers=admin)).json()["items"]}
    count = len(await log_of(database))
    for code, resolution, status in (("bad", "banned", 204), ("good", "dismissed", 204), ("good", "dismissed", 409)):
        path = f"{ADMIN}/reports/{cases[code]}/resolve"
        assert (await client.post(path, json={"resolution": resolution}, headers=admin)).status_code == status
    assert (await client.patch(f"{ADMIN}/links/good", json={"disabled": True}, headers=admin)).status_code == 200
    for is_disabled in (True, False):
        path = f"{ADMIN}/users/{user.removeprefix('user:')}"
        assert (await client.patch(path, json={"disabled": is_disabled}, headers=admin)).status_code == 200
    [(ban_id,)] = await rows_of(database, "SELECT id FROM bans")
    assert await since(database, count) == [
        ("ban.created", *by, "link:bad", {"ban": f"ban:{ban_id}", "kind": "link"}),
        ("report.resolved", *by, f"report:{cases['bad']}", {"link": "link:bad", "resolution": "banned"}),
        ("report.resolved", *by, f"report:{cases['good']}", {"link": "link:good", "resolution": "dismissed"}),
        ("link.changed", *by, "link:good", {"fields": ["disabled"]}),
        ("user.disabled", *by, user, {}),
        ("user.enabled", *by, user, {}),
    ]
