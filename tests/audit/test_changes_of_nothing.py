"""A change that changes nothing leaves nothing: no entry, no eviction, no new time."""

import pytest

from shortener.moderation.commands import set_disabled
from shortener.redirect.cache import EVICTED_CHANNEL
from tests.accounts.conftest import EMAIL, LINKS, register
from tests.audit.test_actions import id_of, log_of, since
from tests.moderation.conftest import ADMIN
from tests.workspaces.conftest import WORKSPACES, Person

URL = "https://example.com/path?q=1"
CREATED = {"url": URL, "title": "A title", "expires_at": "2199-01-01T00:00:00Z", "code": "abc"}
NOTHING = (
    {},
    {"url": URL},
    {"title": "A title"},
    {"expires_at": "2199-01-01T01:00:00+01:00"},
    {"disabled": False},
    {"url": URL, "title": "A title", "expires_at": "2199-01-01T00:00:00Z", "disabled": False},
)


@pytest.fixture
async def evictions(redis):
    """Messages to other processes."""
    async with redis.pubsub() as messages:
        await messages.subscribe(EVICTED_CHANNEL)
        assert (await messages.get_message(timeout=5))["type"] == "subscribe"
        yield messages


async def test_a_link_that_stays_as_it_is_is_not_recorded_and_stays_in_every_cache(client, database, ada, evictions):
    owner = Person(ada)
    created = await owner.post(LINKS, **CREATED)
    assert (await evictions.get_message(timeout=5))["data"] == b"abc"
    count = len(await log_of(database))
    for change in (*NOTHING, {"workspace": await owner.personal()}):
        answer = await owner.ask("PATCH", f"{LINKS}/abc", json=change)
        assert (answer.status_code, answer.json()) == (200, created), change
    assert await since(database, count) == []
    assert await owner.status("PATCH", f"{LINKS}/abc", json={"url": URL, "title": None, "disabled": True}) == 200
    [(action, *_, details)] = await since(database, count)
    assert (action, details) == ("link.changed", {"fields": ["disabled", "title"]})
    # Messages come in order: the changes of nothing have sent none.
    assert (await evictions.get_message(timeout=5))["data"] == b"abc"
    assert await evictions.get_message(timeout=0.2) is None


async def test_a_workspace_that_keeps_its_name_and_a_member_who_keeps_the_role_are_not_recorded(client, database, ada):
    owner, other = Person(ada), Person(await register(client, "bob@example.com"))
    workspace = (await owner.post(WORKSPACES, name="Plans"))["id"]
    await owner.share(workspace, bob=(other, "editor"))
    member, myself = await owner.member_id(workspace, other), await owner.member_id(workspace)
    count = len(await log_of(database))
    for path, same in (
        (f"{WORKSPACES}/{workspace}", {"name": " Plans "}),
        (f"{WORKSPACES}/{workspace}/members/{member}", {"role": "editor"}),
        (f"{WORKSPACES}/{workspace}/members/{myself}", {"role": "owner"}),
    ):
        assert await owner.status("PATCH", path, json=same) == 200
        assert await other.status("PATCH", path, json=same) == 403
    assert await since(database, count) == []


async def test_a_user_or_link_that_an_admin_leaves_as_they_are_is_not_recorded(
    client, settings, database, redis, admin, ada
):
    await Person(ada).post(LINKS, **CREATED)
    path = f"{ADMIN}/users/{(await id_of(database)).removeprefix('user:')}"
    count = len(await log_of(database))
    assert (await client.patch(f"{ADMIN}/links/abc", json={"disabled": False}, headers=admin)).status_code == 200
    assert (await client.patch(path, json={"disabled": False}, headers=admin)).status_code == 200
    await set_disabled(settings, EMAIL, is_disabled=False)
    assert await since(database, count) == []
    for _ in range(2):
        assert (await client.patch(path, json={"disabled": True}, headers=admin)).json()["disabled"] is True
        await set_disabled(settings, EMAIL, is_disabled=True)
    assert [entry[0] for entry in await since(database, count)] == ["user.disabled"]
