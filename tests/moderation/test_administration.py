"""Admins look up and disable everybody's links and users."""

import pytest

from shortener.moderation.commands import set_disabled
from shortener.moderation.users import UserBanned
from tests.accounts.conftest import ME, log_in, register
from tests.conftest import create_link
from tests.links.test_api import assert_problem
from tests.moderation.conftest import ADMIN, ROOT, ban, lift

USERS, LINKS = f"{ADMIN}/users", f"{ADMIN}/links"


async def test_users_are_found_by_a_part_of_their_address(client, admin):
    for name in ("ada", "bob", "b_b"):
        await register(client, f"{name}@example.com")
    page = (await client.get(f"{USERS}?limit=2", headers=admin)).json()
    assert page["total"] == 4
    assert [user["email"] for user in page["items"]] == ["b_b@example.com", "bob@example.com"]
    rest = (await client.get(page["next"], headers=admin)).json()
    assert [user["email"] for user in rest["items"]] == ["ada@example.com", ROOT]
    found = (await client.get(f"{USERS}?q=B_B%40", headers=admin)).json()["items"]
    assert [user["email"] for user in found] == ["b_b@example.com"]
    assert (await client.get(f"{USERS}/{found[0]['id']}", headers=admin)).json() == found[0]
    assert_problem(await client.get(f"{USERS}/999", headers=admin), 404, "user-not-found")


async def test_a_disabled_user_is_out_until_they_are_enabled(client, admin):
    ada = await register(client)
    user = (await client.get(f"{USERS}?q=ada", headers=admin)).json()["items"][0]
    for is_disabled, status in ((True, 401), (False, 200)):
        answer = await client.patch(f"{USERS}/{user['id']}", json={"disabled": is_disabled}, headers=admin)
        assert answer.json() == user | {"disabled": is_disabled}
        assert (await client.get(ME, headers=ada.headers)).status_code == status
        assert (await log_in(client)).status_code == status
    assert_problem(await client.patch(f"{USERS}/999", json={"disabled": True}, headers=admin), 404, "user-not-found")


async def test_nobody_disables_themselves_and_a_banned_user_is_enabled_by_lifting_the_ban(client, admin, settings):
    root = (await client.get(f"{USERS}?q=root", headers=admin)).json()["items"][0]
    assert_problem(await client.patch(f"{USERS}/{root['id']}", json={"disabled": True}, headers=admin), 409, "own-ban")
    await register(client)
    made = await ban(client, admin, "user", "ada@example.com")
    user = (await client.get(f"{USERS}?q=ada", headers=admin)).json()["items"][0]
    assert user["disabled"] is True
    path = f"{USERS}/{user['id']}"
    assert_problem(await client.patch(path, json={"disabled": False}, headers=admin), 409, "user-banned")
    with pytest.raises(UserBanned):
        await set_disabled(settings, user["email"], is_disabled=False)
    await lift(client, admin, made["id"])
    assert (await client.get(path, headers=admin)).json()["disabled"] is False
    assert (await log_in(client)).status_code == 200


async def test_links_are_looked_up_and_disabled(client, admin):
    for n in range(3):
        await create_link(client, f"https://example.com/{n}", code=f"code{n}", title="x")
    page = (await client.get(f"{LINKS}?q=example.com&limit=2&sort=code&order=asc", headers=admin)).json()
    assert (page["total"], [link["code"] for link in page["items"]]) == (3, ["code0", "code1"])
    rest = (await client.get(page["next"], headers=admin)).json()
    assert [link["code"] for link in rest["items"]] == ["code2"]
    made = await ban(client, admin, "link", "code0")
    link = (await client.get(f"{LINKS}/code0", headers=admin)).json()
    assert (link["banned"], link["ban_id"], link["has_warning"]) == (True, made["id"], False)
    changed = (await client.patch(f"{LINKS}/code1", json={"disabled": True}, headers=admin)).json()
    assert changed["disabled"] is True
    assert (await client.get("/code1")).status_code == 410
    assert_problem(await client.get(f"{LINKS}/nowhere", headers=admin), 404, "link-not-found")
