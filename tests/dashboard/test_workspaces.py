"""Workspaces, members, invitations, and the page to which an invitation leads."""

import re

from tests.accounts.conftest import OTHER_PASSWORD, PASSWORD, register
from tests.conftest import client_of
from tests.dashboard.conftest import OWN, log_in

BOB = "bob@example.com"


async def make_workspace(client) -> str:
    """The path of its page."""
    answer = await client.post("/-/workspaces", data={"name": "Marketing"})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def invitation(client, path: str, email: str = BOB, role: str = "editor") -> str:
    answer = await client.post(f"{path}/invitations", data={"email": email, "role": role})
    assert answer.status_code == 200, answer.text
    return re.search(r"/-/join#(shri_\w+)", answer.text)[1]


async def test_a_colleague_is_invited_as_editor_and_joins(ada, server):
    path = await make_workspace(ada)
    token = await invitation(ada, path)
    async with client_of(server, headers=OWN) as bob:
        await register(bob, BOB, PASSWORD)
        await log_in(bob, BOB)
        question = await bob.post("/-/join", data={"invitation": f"https://sho.rt/-/join#{token}"})
        assert "Join Marketing?" in question.text
        assert "content-encoding" not in question.headers
        assert (await bob.get(path)).status_code == 404
        joined = await bob.post("/-/join", data={"invitation": token, "yes": "1"}, follow_redirects=True)
        assert joined.url.path == path
        assert "You are a member now" in joined.text
        assert "Invite somebody" not in joined.text
        again = await bob.post("/-/join", data={"invitation": token, "yes": "1"})
        assert again.status_code == 422
        assert "was used" in again.text
    assert BOB in (await ada.get(path)).text


async def test_whoever_has_no_account_registers_and_joins_in_one_form(ada, server):
    token = await invitation(ada, await make_workspace(ada))
    async with client_of(server, headers=OWN) as bob:
        assert "Make an account and join" in (await bob.get("/-/join")).text
        fields = {"invitation": token, "email": BOB, "password": OTHER_PASSWORD}
        answer = await bob.post("/-/join/register", data=fields, follow_redirects=True)
        assert "Marketing" in answer.text
        assert "You are a member now" in answer.text


async def test_whoever_has_an_account_logs_in_and_is_asked(ada, server):
    token = await invitation(ada, await make_workspace(ada))
    async with client_of(server, headers=OWN) as bob:
        await register(bob, BOB, PASSWORD)
        wrong = await bob.post("/-/join/login", data={"invitation": token, "email": BOB, "password": OTHER_PASSWORD})
        assert "Email or password is wrong." in wrong.text
        assert f'value="{token}"' in wrong.text
        answer = await bob.post("/-/join/login", data={"invitation": token, "email": BOB, "password": PASSWORD})
        assert "Join Marketing?" in answer.text


async def test_an_invitation_is_revoked(ada, server):
    path = await make_workspace(ada)
    token = await invitation(ada, path)
    revoke = re.search(r'action="([^"]+/revoke)"', (await ada.get(path)).text)[1]
    assert "Invitation revoked" in (await ada.post(revoke, follow_redirects=True)).text
    async with client_of(server, headers=OWN) as bob:
        fields = {"invitation": token, "email": BOB, "password": OTHER_PASSWORD}
        assert "needs an invitation" in (await bob.post("/-/join/register", data=fields)).text


async def test_roles_change_members_go_and_the_last_owner_is_told_why_they_stay(ada, server):
    path = await make_workspace(ada)
    token = await invitation(ada, path, role="viewer")
    assert "make somebody else an owner before you leave" in (await ada.get(path)).text
    async with client_of(server, headers=OWN) as bob:
        await bob.post("/-/join/register", data={"invitation": token, "email": BOB, "password": OTHER_PASSWORD})
        mine, his = re.findall(rf'action="{path}/members/([0-9a-f-]+)/role"', (await ada.get(path)).text)
        assert "needs an owner" in (await ada.post(f"{path}/members/{mine}/remove")).text
        assert (await bob.post(f"{path}/members/{his}/role", data={"role": "owner"})).status_code == 403
        await ada.post(f"{path}/members/{his}/role", data={"role": "owner"})
        assert "Invite somebody" in (await bob.get(path)).text
        await bob.post(f"{path}/members/{mine}/remove")
    assert (await ada.get(path)).status_code == 404


async def test_a_workspace_is_renamed_and_deleted_by_its_name(ada):
    path = await make_workspace(ada)
    await ada.post("/-/links", data={"url": "https://example.com/", "code": "abc"})
    assert "1 link no longer leads anywhere" in (await ada.get(path)).text
    await ada.post(f"{path}/rename", data={"name": "Sales"})
    assert "Sales" in (await ada.get(path)).text
    assert (await ada.post(f"{path}/delete", data={"sure": "Marketing"})).status_code == 422
    assert (await ada.get("/abc")).status_code == 302
    answer = await ada.post(f"{path}/delete", data={"sure": "Sales"}, follow_redirects=True)
    assert "Workspace deleted" in answer.text
    assert (await ada.get("/abc")).status_code == 410


async def test_a_personal_workspace_says_that_it_is_one(ada):
    path = re.search(r'href="(/-/workspaces/[0-9a-f-]+)"', (await ada.get("/-/workspaces")).text)[1]
    page = (await ada.get(path)).text
    assert "your personal workspace" in page
    for word in ("Invite somebody", "Delete the workspace", "Leave the workspace"):
        assert word not in page
