"""Bans on the command line: running processes follow within a second."""

import pytest

from shortener.moderation.commands import create_ban, lift_ban
from shortener.moderation.kinds import Kind
from tests.accounts.conftest import LINKS, ME, register
from tests.audit.test_actions import id_of, since
from tests.conftest import changed, client_of, create_link, running_app
from tests.moderation.conftest import BANS, EVIL, lift, until_informed, until_status


@pytest.fixture(params=["with redis", "without redis"])
def anyhow(request, settings):
    return settings if request.param == "with redis" else changed(settings, redis_url="redis://127.0.0.1:1")


async def test_a_link_is_banned_listed_and_brought_back_by_an_operator(app, client, shortener):
    await until_informed(app)
    await create_link(client, EVIL, code="evil")
    assert (await client.get("/evil")).status_code == 302
    code, said = shortener("ban", "create", "link", "evil", "--reason", "phishing [bold]")
    assert code == 0, said
    await until_status(client, 410)
    code, listed = shortener("ban", "list")
    assert code == 0
    assert listed.splitlines()[1].split()[:5] == [said.strip(), "link", "evil", "phishing", "[bold]"]
    assert shortener("ban", "lift", said.strip()) == (0, "")
    await until_status(client, 302)
    assert "evil" not in shortener("ban", "list")[1]
    assert "evil" in shortener("ban", "list", "--lifted")[1]


async def test_whatever_is_banned_by_command_is_refused_by_processes_that_run(anyhow):
    async with running_app(anyhow) as app, client_of(app) as client, client_of(app, "198.51.100.7") as elsewhere:
        if anyhow.redis_url != "redis://127.0.0.1:1":
            await until_informed(app)
        ada = await register(client)
        await create_link(client, EVIL, code="evil")
        await client.post(LINKS, json={"url": "https://example.com/", "code": "hers"}, headers=ada.headers)
        refused = (
            (Kind.LINK, "evil", client, "/evil", 302, 410, {}),
            (Kind.HOST, "Phish.Example.", client, "/evil", 302, 410, {}),
            (Kind.CLIENT, "198.51.100.0/24", elsewhere, LINKS, 200, 403, {}),
            (Kind.USER, ada.email, client, ME, 200, 401, {"headers": ada.headers}),
            (Kind.USER, ada.email, client, "/hers", 302, 410, {}),
        )
        for kind, value, who, path, before, banned, options in refused:
            await until_status(who, before, path, **options)
            ban_id = await create_ban(anyhow, kind, value, "abuse")
            await until_status(who, banned, path, **options)
            await lift_ban(anyhow, ban_id)
            await until_status(who, before, path, **options)


async def test_what_an_operator_bans_is_recorded_as_the_command_lines_and_an_admin_may_lift_it(
    settings, client, admin, database
):
    await register(client)
    user = await id_of(database)
    count = len(await since(database, 0))
    ban_id = await create_ban(settings, Kind.USER, "ada@example.com", "abuse")
    [ban] = (await client.get(BANS, headers=admin)).json()["items"]
    assert (ban["id"], ban["created_by"]) == (ban_id, None)
    assert (await since(database, count)) == [
        ("ban.created", "command-line", None, None, user, {"ban": f"ban:{ban_id}", "kind": "user"})
    ]
    await lift(client, admin, ban_id)
