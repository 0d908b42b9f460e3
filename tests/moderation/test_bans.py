"""What an admin bans is gone within a second, in every process, with and without Redis; and comes back when lifted."""

import time

import pytest
from dirty_equals import IsNow, IsPartialDict, IsStr

from shortener.redirect.parts import REDIRECT
from tests.accounts.conftest import AUTH, ME, register
from tests.conftest import client_of, create_link, eventually, running_app
from tests.links.test_api import LINKS, assert_problem
from tests.moderation.conftest import ADMIN, BANS, EVIL, ROOT, WITHIN_S, ban, lift, status, until_informed, until_status
from tests.redirect.test_redirect import BROWSER


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
    """When neither Redis nor the database answers, old targets are used, and still judged."""
    await until_informed(app)
    await create_link(client, EVIL, code="evil")
    await create_link(client, code="good")
    for code in ("evil", "good"):
        assert await status(client, f"/{code}") == 302
    resolver = app.state.parts[REDIRECT]._resolver
    await eventually(lambda: resolver.peek("evil"))
    await ban(client, admin, "host", "phish.example")

    async def fail(codes):
        raise OSError("the database is down")

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
        ("host", "com", 422, "public-suffix"),
        ("host", "CO.UK.", 422, "public-suffix"),
        ("host", "github.io", 422, "public-suffix"),
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


async def test_a_ban_of_a_host_takes_down_each_link_that_may_lead_there(client, admin):
    bad = "https://bad.example/"
    rule = {"name": "r", "if": [{"type": "device", "values": ["ios"]}], "url": bad}
    options = {"fallback_url": bad, "rules": [rule], "variants": [{"name": "v", "url": bad}]}
    for n, (name, value) in enumerate(options.items()):
        await create_link(client, code=f"abc{n}", **{name: value})
        assert (await client.get(f"/abc{n}")).status_code == 302
    await ban(client, admin, "host", "bad.example")
    for n, (name, value) in enumerate(options.items()):
        assert_problem(await client.get(f"/abc{n}"), 410, "link-banned")
        answer = await client.post(LINKS, json={"url": "https://example.com/", name: value})
        assert_problem(answer, 422, "destination-refused", errors=[IsPartialDict(field=IsStr(regex=f"/{name}.*"))])


async def test_a_link_is_banned_by_any_of_its_codes_and_keeps_them_until_the_ban_is_lifted(client, admin):
    await create_link(client, code="abc")
    await client.post(f"{LINKS}/abc/aliases", json={"code": "alias"})
    made = await ban(client, admin, "link", "alias")
    assert made["value"] == "abc"
    for code in ("abc", "alias"):
        assert_problem(await client.get(f"/{code}"), 410, "link-banned")
    assert_problem(await client.patch(f"{LINKS}/abc", json={"code": "other"}), 409, "banned-link-stays")
    await lift(client, admin, made["id"])
    assert [(await client.get(f"/{code}")).status_code for code in ("abc", "alias")] == [302, 302]


async def test_admins_see_how_many_links_a_ban_of_a_host_would_take_down(client, admin):
    for n, host in enumerate(("phish.example", "www.phish.example", "notphish.example", "phish.example.org")):
        await create_link(client, f"https://{host}/", code=f"code{n}")
    answer = await client.get("/api/v1/admin/touched", params={"host": "PHISH.example"}, headers=admin)
    assert answer.json() == {"links": 2}
