"""What an admin bans is gone within a second, in every process, with and without Redis; and comes back when lifted."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from dirty_equals import IsNow, IsPartialDict

from shortener.abuse import bans
from shortener.invalidations import INFORMED_LIFETIME_S
from tests.abuse.conftest import ADMIN, BANS, ROOT, ban, lift
from tests.accounts.conftest import AUTH, ME, register, two_processes
from tests.conftest import changed, client_of, create_link, eventually, running_app
from tests.links.test_api import LINKS, assert_problem
from tests.redirect.test_redirect import BROWSER
from tests.workspaces.conftest import WORKSPACES, person

WITHIN_S = 1.0
EVIL = "https://login.phish.example:8443/a?b"


async def until_informed(*apps) -> None:
    for app in apps:
        for part in (app.state.redirects._resolver._memory, app.state.standing, app.state.authentication):
            await eventually(lambda part=part: part.lifetime_s == INFORMED_LIFETIME_S, within_s=20)


async def status(client, path: str = "/evil", **options) -> int:
    return (await client.get(path, **options)).status_code


async def until_status(client, wanted: int, path: str = "/evil", **options) -> None:
    async def is_there() -> bool:
        return await status(client, path, **options) == wanted

    await eventually(is_there, within_s=WITHIN_S)


@pytest.fixture(params=["with redis", "without redis"])
async def two(request, settings):
    """Two processes; `evil` is in the memory of both, as far as they may have one."""
    is_redis_there = request.param == "with redis"
    anyhow = settings if is_redis_there else changed(settings, redis_url="redis://127.0.0.1:1")
    async with two_processes(anyhow) as two:
        if is_redis_there:
            await until_informed(*two.apps)
        await create_link(two.one, EVIL, code="evil")
        await create_link(two.one, "https://example.com/", code="good")
        for client in (two.one, two.other):
            for code in ("evil", "good"):
                for _ in range(3):
                    assert await status(client, f"/{code}") == 302
        yield two


@pytest.mark.parametrize(
    ("kind", "value"),
    [("link", "evil"), ("host", "login.phish.example"), ("host", "Phish.Example."), ("host", "example")],
)
async def test_a_ban_takes_existing_links_down_in_every_process_and_lifting_it_brings_them_back(
    two, admin, kind, value
):
    made = await ban(two.one, admin, kind, value)
    banned_at_s = time.monotonic()
    assert await status(two.one) == 410, "the process that has done it knows at once"
    await until_status(two.other, 410)
    assert time.monotonic() - banned_at_s < 2 * WITHIN_S
    for client in (two.one, two.other):
        assert [await status(client) for _ in range(5)] == [410] * 5
        assert await status(client, "/good") == 302
    assert (await two.other.get(f"{LINKS}/evil")).json()["banned"] is True

    await lift(two.other, admin, made["id"])
    for client in (two.other, two.one):
        await until_status(client, 302)
    assert (await two.one.get(f"{LINKS}/evil")).json()["banned"] is False


async def test_a_banned_client_is_refused_by_the_api_of_every_process_and_by_nothing_else(two, admin):
    elsewhere = [client_of(app, "198.51.100.7") for app in two.apps]
    assert [await status(client, LINKS) for client in elsewhere] == [200, 200]
    made = await ban(two.one, admin, "client", "198.51.100.0/24")
    assert_problem(await elsewhere[0].get(LINKS), 403, "client-banned")
    await until_status(elsewhere[1], 403, LINKS)
    for method, path in (("POST", f"{AUTH}/token"), ("POST", "/api/v1/reports"), ("GET", ME), ("GET", BANS)):
        assert_problem(await elsewhere[1].request(method, path, headers=admin), 403, "client-banned")
    assert await status(elsewhere[1], "/good") == 302
    assert await status(two.other, LINKS) == 200
    await lift(two.one, admin, made["id"])
    for client in elsewhere:
        await until_status(client, 200, LINKS)
        await client.aclose()


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
        # What the worker does every now and then changes nothing.
        async with database.session() as session:
            await bans.complete_user_bans(session, app.state.links.evict, datetime.now(UTC) - timedelta(minutes=5))
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

    # An earlier one counts no more.
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
            await bans.complete_user_bans(session, app.state.links.evict, datetime.now(UTC) - timedelta(minutes=1))

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


@pytest.mark.parametrize("path", ["/evil", "/evil+"])
async def test_a_banned_link_says_so_clearly_to_people_and_to_programs(client, admin, path):
    await create_link(client, EVIL, code="evil")
    await ban(client, admin, "link", "evil", "phishing")
    answer = await client.get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (410, "text/html; charset=utf-8")
    assert "This link was taken down" in answer.text
    assert "phish" not in answer.text
    answer = await client.get(path)
    assert_problem(answer, 410, "link-banned")
    head = await client.head(path)
    for given in (answer, head):
        assert given.status_code == 410
        assert given.headers["cache-control"] == "private, no-store"
        assert "location" not in given.headers


async def test_no_click_is_counted_for_a_banned_link(client, admin, drain):
    await create_link(client, EVIL, code="evil")
    await ban(client, admin, "host", "phish.example")
    for _ in range(3):
        assert await status(client) == 410
    assert await drain() == 0


async def test_a_link_of_a_banned_host_that_waits_for_better_times_in_memory_stays_down(
    app, client, admin, monkeypatch
):
    """When neither Redis nor the database answers, what is old is used, and judged all the same."""
    await until_informed(app)
    await create_link(client, EVIL, code="evil")
    await create_link(client, code="good")
    for code in ("evil", "good"):
        assert await status(client, f"/{code}") == 302
    resolver = app.state.redirects._resolver
    await eventually(lambda: resolver.peek("evil"))
    await ban(client, admin, "host", "phish.example")

    async def fail(codes):
        raise OSError("the database is away")

    monkeypatch.setattr(resolver, "_from_database", fail)
    monkeypatch.setattr(resolver._cache, "read", lambda *_: {})
    assert await status(client) == 410
    assert await status(client, "/good") == 302


async def test_a_banned_host_is_refused_when_a_link_is_made_or_changed(client, admin):
    await create_link(client, code="good")
    await ban(client, admin, "host", "phish.example")
    for url in (EVIL, "http://PHISH.example.", "https://ph%69sh.example/", "http://a.b.phish.example/"):
        assert_problem(await client.post(LINKS, json={"url": url}), 422, "destination-refused")
        assert_problem(await client.patch(f"{LINKS}/good", json={"url": url}), 422, "destination-refused")
    assert_problem(await client.post(LINKS, json={"url": EVIL}, headers=admin), 422, "destination-refused")
    for url in ("https://notphish.example/", "https://phish.example.org/", "https://example.com/phish.example"):
        await create_link(client, url)
    answer = await client.post(f"{LINKS}/bulk", json={"links": [{"url": EVIL}, {"url": "https://example.com"}]})
    refused, made = answer.json()["results"]
    assert (refused["status"], refused["problem"]["type"]) == (422, "urn:shortener:problem:destination-refused")
    assert refused["problem"]["errors"][0]["field"] == "/links/0/url"
    assert made["status"] == 201


@pytest.mark.parametrize("banned", ["192.0.2.7", "[::ffff:192.0.2.7]", "3221225991"])
async def test_an_address_is_banned_in_all_its_spellings(client, admin, banned):
    hosts = ("192.0.2.7", "192.0.2.7.", "0300.0.519", "0xC0000207", "[::ffff:192.0.2.7]", "[::FFFF:C000:207]")
    links = [await create_link(client, f"https://{host}:8443/x") for host in (*hosts, "[64:ff9b::192.0.2.7]")]
    assert (await ban(client, admin, "host", banned))["value"] == "192.0.2.7"
    for link in links:
        assert await status(client, f"/{link['code']}") == 410, link["url"]
        assert_problem(await client.post(LINKS, json={"url": link["url"]}), 422, "destination-refused")
    for host in ("192.0.2.8", "[::ffff:192.0.2.8]", "[2001:db8::c000:207]"):
        await create_link(client, f"https://{host}/")


async def test_an_owner_cannot_undo_a_ban(client, admin):
    await create_link(client, EVIL, code="evil")
    await ban(client, admin, "link", "evil")
    for change in ({"disabled": False}, {"url": "https://example.com/"}, {"expires_at": None}):
        assert (await client.patch(f"{LINKS}/evil", json=change)).json()["banned"] is True
        assert await status(client) == 410


async def test_bans_are_listed_with_who_and_why_and_stay_listed_when_they_were_lifted(client, admin):
    made = [await ban(client, admin, "host", f"host{n}.example", f"reason {n}") for n in range(5)]
    assert made[0] == {
        "id": made[0]["id"],
        "kind": "host",
        "value": "host0.example",
        "reason": "reason 0",
        "created_at": IsNow(iso_string=True, tz="UTC", delta=10),
        "created_by": ROOT,
        "lifted_at": None,
        "lifted_by": None,
    }
    await create_link(client, code="evil")
    await ban(client, admin, "link", "evil")
    await lift(client, admin, made[2]["id"])

    async def get(path: str) -> dict:
        answer = await client.get(path, headers=admin)
        assert answer.status_code == 200, answer.text
        return answer.json()

    first = await get(f"{BANS}?kind=host&limit=3")
    assert first["total"] == 4
    second = await get(first["next"])
    values = [item["value"] for page in (first, second) for item in page["items"]]
    assert values == ["host4.example", "host3.example", "host1.example", "host0.example"]
    assert second["next"] is None
    assert await get(second["previous"]) == first | {"previous": None}
    lifted = (await get(f"{BANS}?lifted=true"))["items"]
    assert lifted == [IsPartialDict(value="host2.example", lifted_by=ROOT)]
    assert await get(f"{BANS}/{made[2]['id']}") == lifted[0]
    assert_problem(await client.get(f"{BANS}?cursor=x", headers=admin), 400, "invalid-cursor")
    assert_problem(
        await client.get(f"{BANS}?lifted=true&cursor={first['next'][-30:]}", headers=admin), 400, "invalid-cursor"
    )


@pytest.mark.parametrize(
    ("kind", "value", "status", "type_"),
    [
        ("link", "nowhere", 404, "link-not-found"),
        ("user", "nobody@example.com", 404, "user-not-found"),
        ("user", ROOT, 409, "own-ban"),
        ("client", "203.0.113.0/24", 409, "own-ban"),
        ("client", "0.0.0.0/0", 409, "own-ban"),
        ("client", "::ffff:203.0.113.7", 409, "own-ban"),
        ("client", "example.com", 422, "invalid-ban"),
        ("client", "192.0.2.0/33", 422, "invalid-ban"),
        ("host", "https://example.com/", 422, "invalid-ban"),
        ("host", "a b", 422, "invalid-ban"),
        ("host", ".", 422, "invalid-ban"),
        ("host", "*.example.com", 422, "invalid-ban"),
        ("host", "example.com:80", 422, "invalid-ban"),
        ("planet", "mars", 422, "invalid-request"),
        ("host", "x\x00", 422, "invalid-request"),
    ],
)
async def test_what_cannot_be_banned_is_refused_with_the_reason(client, admin, kind, value, status, type_):
    body = {"kind": kind, "value": value, "reason": "abuse"}
    assert_problem(await client.post(BANS, json=body, headers=admin), status, type_)
    assert (await client.get(BANS, headers=admin)).json()["total"] == 0


async def test_nothing_is_banned_twice_and_no_ban_is_lifted_twice(client, admin):
    made = await ban(client, admin, "host", "münchen.example")
    assert made["value"] == "xn--mnchen-3ya.example"
    body = {"kind": "host", "value": "XN--MNCHEN-3YA.example.", "reason": "again"}
    assert_problem(await client.post(BANS, json=body, headers=admin), 409, "already-banned")
    await lift(client, admin, made["id"])
    assert_problem(await client.delete(f"{BANS}/{made['id']}", headers=admin), 404, "ban-not-found")
    await ban(client, admin, "host", "münchen.example")
    for path in (f"{BANS}/{2**63 - 1}",):
        assert_problem(await client.get(path, headers=admin), 404, "ban-not-found")


async def test_a_process_that_starts_knows_the_bans_before_its_first_request(settings, app, client, admin):
    await create_link(client, EVIL, code="evil")
    await ban(client, admin, "host", "phish.example")
    await ban(client, admin, "client", "198.51.100.7")
    async with running_app(settings) as late, client_of(late, "198.51.100.7") as banned:
        assert await status(banned) == 410
        assert_problem(await banned.get(LINKS), 403, "client-banned")


async def test_only_an_admin_sees_or_does_any_of_this(client, admin):
    ada = await register(client)
    for method, path in (("GET", BANS), ("POST", BANS), ("GET", f"{ADMIN}/users"), ("GET", f"{ADMIN}/links")):
        # Links are open to all in these tests; this is not.
        assert_problem(await client.request(method, path), 401, "authentication-required")
        assert_problem(await client.request(method, path, headers=ada.headers), 403, "insufficient-scope")
