"""Whoever is banned is out everywhere, and their links are down until the ban is lifted."""

from datetime import UTC, datetime, timedelta

import pytest

from shortener.links.parts import EVICTION
from shortener.moderation import bans
from tests.accounts.conftest import ME, register
from tests.conftest import create_link
from tests.links.test_api import LINKS, assert_problem
from tests.moderation.conftest import ADMIN, EVIL, ban, lift, status, until_informed, until_status
from tests.workspaces.conftest import WORKSPACES, person


async def test_a_banned_user_is_out_everywhere_and_comes_back(two, admin):
    ada = await register(two.one)
    for client in (two.one, two.other):
        assert await status(client, ME, headers=ada.headers) == 200
    made = await ban(two.one, admin, "user", " Ada@Example.com ")
    assert made["value"] == ada.email
    for client in (two.one, two.other):
        await until_status(client, 401, ME, headers=ada.headers)
    await lift(two.one, admin, made["id"])
    for client in (two.one, two.other):
        await until_status(client, 200, ME, headers=ada.headers)


async def test_the_links_of_a_banned_user_go_and_come_back_but_for_those_that_were_banned_by_themselves(
    app, client, admin, monkeypatch
):
    await until_informed(app)
    monkeypatch.setattr(bans, "_LINKS_AT_ONCE", 2)
    ada, bob = await person(client, "ada"), await person(client, "bob")
    for n in range(4):
        await ada.post(LINKS, url=EVIL, code=f"ada{n}")
    await bob.post(LINKS, url=EVIL, code="bob")
    for name, role in (("alone", "editor"), ("together", "owner")):
        workspace = (await ada.post(WORKSPACES, name=name))["id"]
        await ada.share(workspace, bob=(bob, role))
        await ada.post(LINKS, url=EVIL, code=name, workspace=workspace)
        await bob.post(LINKS, url=EVIL, code=f"{name}-bob", workspace=workspace)
    await create_link(client, code="nobodys")
    await ban(client, admin, "link", "ada0")
    hers = ["ada0", "ada1", "ada2", "ada3", "alone", "alone-bob"]
    others = ["bob", "together", "together-bob", "nobodys"]

    async def statuses(codes: list[str]) -> list[int]:
        return [await status(client, f"/{code}") for code in codes]

    assert await statuses(hers + others) == [410] + [302] * 9
    made = await ban(client, admin, "user", ada.email)
    assert await statuses(hers) == [410] * 6
    assert await statuses(others) == [302] * 4
    await lift(client, admin, made["id"])
    assert await statuses(hers + others) == [410] + [302] * 9


async def test_links_of_a_workspace_are_down_while_all_its_owners_are_banned(app, client, admin, database):
    """However many accounts somebody owns it with, and in whichever order their bans come and go."""
    await until_informed(app)
    ada, bob, eve = await person(client, "ada"), await person(client, "bob"), await person(client, "eve")
    workspace = (await ada.post(WORKSPACES, name="together"))["id"]
    await ada.share(workspace, bob=(bob, "owner"), eve=(eve, "editor"))
    await ada.post(LINKS, url=EVIL, code="theirs", workspace=workspace)
    await ada.post(LINKS, url=EVIL, code="itself", workspace=workspace)

    async def statuses() -> list[int]:
        # The worker's periodic job changes nothing.
        async with database.session() as session:
            await bans.complete_user_bans(session, app.state.parts[EVICTION], datetime.now(UTC) - timedelta(minutes=5))
        return [await status(client, f"/{code}") for code in ("theirs", "itself")]

    itself = await ban(client, admin, "link", "itself")
    for first, second in ((ada, bob), (bob, ada)):
        first_ban = await ban(client, admin, "user", first.email)
        assert await statuses() == [302, 410]
        second_ban = await ban(client, admin, "user", second.email)
        assert await statuses() == [410, 410]
        for ended in (first_ban, second_ban):
            await lift(client, admin, ended["id"])
            assert await statuses() == [302, 410]
    for email in (ada.email, bob.email):
        await ban(client, admin, "user", email)
    await lift(client, admin, itself["id"])
    assert await statuses() == [410, 410]


async def test_a_banned_link_is_not_moved_out_of_the_reach_of_who_lifts_the_ban(app, client, admin):
    await until_informed(app)
    ada, bob = await person(client, "ada"), await person(client, "bob")
    workspace = (await ada.post(WORKSPACES, name="hers"))["id"]
    await ada.share(workspace, bob=(bob, "editor"))
    await ada.post(LINKS, url=EVIL, code="evil", workspace=workspace)
    elsewhere = (await bob.post(WORKSPACES, name="his"))["id"]
    made = await ban(client, admin, "user", ada.email)
    answer = await bob.ask("PATCH", f"{LINKS}/evil", json={"workspace": elsewhere})
    assert_problem(answer, 409, "banned-link-stays")
    answer = await bob.ask("PATCH", f"{LINKS}/evil", json={"workspace": workspace, "title": "x"})
    assert answer.status_code == 200
    await lift(client, admin, made["id"])
    assert await status(client) == 302
    answer = await bob.ask("PATCH", f"{LINKS}/evil", json={"workspace": elsewhere})
    assert answer.status_code == 200


@pytest.mark.parametrize("is_user_first", [True, False])
async def test_a_link_whose_own_ban_is_lifted_stays_under_the_one_of_its_owner(app, client, admin, is_user_first):
    await until_informed(app)
    ada, bob = await person(client, "ada"), await person(client, "bob")
    alone = (await ada.post(WORKSPACES, name="alone"))["id"]
    together = (await ada.post(WORKSPACES, name="together"))["id"]
    await ada.share(alone, bob=(bob, "editor"))
    await ada.share(together, bob=(bob, "owner"))
    codes = {"personal": None, "alone": alone, "together": together}
    for code, workspace in codes.items():
        await ada.post(LINKS, url=EVIL, code=code, **({"workspace": workspace} if workspace else {}))
    await create_link(client, code="nobodys")

    async def statuses() -> list[int]:
        return [await status(client, f"/{code}") for code in [*codes, "nobodys"]]

    # An earlier ban no longer counts.
    await lift(client, admin, (await ban(client, admin, "user", ada.email))["id"])
    wanted = [("link", "personal"), ("link", "alone"), ("link", "together"), ("link", "nobodys")]
    wanted.insert(0 if is_user_first else 4, ("user", ada.email))
    made = {value: (await ban(client, admin, kind, value))["id"] for kind, value in wanted}
    of_user = made.pop(ada.email)
    assert await statuses() == [410] * 4
    for ban_id in made.values():
        await lift(client, admin, ban_id)
    assert await statuses() == [410, 410, 302, 302]
    for code in ("personal", "alone"):
        assert (await client.get(f"{ADMIN}/links/{code}", headers=admin)).json()["ban_id"] == of_user
    await lift(client, admin, of_user)
    assert await statuses() == [302] * 4


async def test_what_a_ban_of_a_user_has_left_undone_is_done_later(app, client, admin, database, monkeypatch):
    ada = await person(client, "ada")
    await ada.post(LINKS, url=EVIL, code="late")
    mark_links_of = bans._mark_links_of

    async def complete() -> None:
        monkeypatch.setattr(bans, "_mark_links_of", mark_links_of)
        async with database.session() as session:
            await bans.complete_user_bans(session, app.state.parts[EVICTION], datetime.now(UTC) - timedelta(minutes=1))

    async def die(*_) -> None:
        """In place of coming to the links."""

    monkeypatch.setattr(bans, "_mark_links_of", die)
    made = await ban(client, admin, "user", ada.email)
    assert await status(client, "/late") == 302
    await complete()
    assert await status(client, "/late") == 410
    monkeypatch.setattr(bans, "_mark_links_of", die)
    await lift(client, admin, made["id"])
    assert await status(client, "/late") == 410
    await complete()
    assert await status(client, "/late") == 302
