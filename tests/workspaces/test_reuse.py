"""Links of others are never reused."""

from tests.links.test_api import LINKS, URL
from tests.workspaces.conftest import WORKSPACES, person


async def test_a_link_of_somebody_else_or_of_another_workspace_is_never_given(client, ada):
    bob = await person(client, "bob")
    space = (await ada.post(WORKSPACES, name="together"))["id"]
    await ada.share(space, bob=(bob, "editor"))
    mine = await ada.post(LINKS, url=URL, reuse=True)
    theirs = await bob.post(LINKS, url=URL, reuse=True)
    shared = await ada.post(LINKS, url=URL, reuse=True, workspace=space)
    assert len({each["code"] for each in (mine, theirs, shared)}) == 3
    assert (await bob.post(LINKS, url=URL, reuse=True, workspace=space))["code"] == shared["code"]
    assert (await ada.post(LINKS, url=URL, reuse=True))["code"] == mine["code"]


async def test_who_may_only_read_gets_no_link(client, ada):
    bob = await person(client, "bob")
    space = (await ada.post(WORKSPACES, name="together"))["id"]
    await ada.share(space, bob=(bob, "viewer"))
    await ada.post(LINKS, url=URL, workspace=space)
    assert await bob.status("POST", LINKS, json={"url": URL, "reuse": True, "workspace": space}) == 403
