"""Domains: whose they are, how that is proved, and what becomes of their links."""

import pytest
from sqlalchemy import text

from shortener.domains.lookups import TxtLookup
from shortener.domains.proofs import check_again, due
from tests.conftest import changed, client_of, eventually, running_app
from tests.domains.conftest import DOMAINS, HOST, add, follow
from tests.links.test_api import assert_problem
from tests.workspaces.conftest import LINKS, URL


async def test_a_domain_works_once_its_record_is_found(ada, names, client):
    made = await ada.post(DOMAINS, host="GO.example.com.")
    assert (made["host"], made["state"], made["record"]["name"]) == (HOST, "pending", f"_shortener.{HOST}")
    assert_problem(await ada.ask("POST", LINKS, json={"url": URL, "domain": HOST}), 422, "unknown-domain")
    for texts in (None, [], ["shortener-verification=somebody-else"]):
        if texts is not None:
            names.records[made["record"]["name"]] = texts
        assert_problem(await ada.ask("POST", f"{DOMAINS}/{HOST}/verify"), 409, "domain-not-verified")
    names.records[made["record"]["name"]] = ["other", made["record"]["value"]]
    assert (await ada.post(f"{DOMAINS}/{HOST}/verify"))["state"] == "verified"
    link = await ada.post(LINKS, url=URL, domain=HOST, code="spring")
    assert (link["code"], link["domain"], link["short_url"]) == ("spring", HOST, f"https://{HOST}/spring")
    assert (await follow(client, "/spring")).headers["location"] == URL
    # Adding it again gives the same record.
    assert (await ada.post(DOMAINS, host=HOST))["record"] == made["record"]


async def test_no_answer_of_a_name_server_is_said_and_changes_nothing(ada, names, monkeypatch):
    monkeypatch.setattr("shortener.domains.lookups.TIMEOUT_S", 0.3)
    await ada.post(DOMAINS, host=HOST)
    names.is_silent = True
    answer = await ada.ask("POST", f"{DOMAINS}/{HOST}/verify")
    assert_problem(answer, 409, "domain-not-verified")
    assert "No name server answered" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "192.0.2.7", "[2001:db8::1]", "co.uk", "sho.rt", "SHO.RT."])
async def test_what_cannot_be_a_domain_is_refused(ada, host):
    assert_problem(await ada.ask("POST", DOMAINS, json={"host": host}), 422, "invalid-host")


async def test_a_code_may_be_on_two_domains_and_each_has_its_own_figures(ada, names, client, drain):
    await add(ada, names)
    await add(ada, names, "go.example.org")
    for n, domain in enumerate((None, HOST, "go.example.org")):
        await ada.post(LINKS, url=f"https://example.net/{n}", code="sale", domain=domain)
    for n, host in enumerate(("sho.rt", HOST, "go.example.org")):
        for _ in range(n + 1):
            assert (await follow(client, "/sale", host)).headers["location"] == f"https://example.net/{n}"
    await drain()
    for n, query in enumerate(("", f"?domain={HOST}", "?domain=go.example.org")):
        assert (await ada.get(f"{LINKS}/sale{query}"))["clicks"] == n + 1
        assert (await ada.get(f"{LINKS}/sale/stats{query}"))["clicks"] == n + 1
    assert_problem(await ada.ask("POST", LINKS, json={"url": URL, "code": "sale", "domain": HOST}), 409, "code-taken")
    states = [(await ada.get(f"{LINKS}/exists?code=sale&domain={host}"))["state"] for host in (HOST, "x.example")]
    assert states == ["taken", "free"]


@pytest.mark.parametrize("host", ["go.example.com", "GO.Example.com", "go.example.com.", "go.example.com:8443"])
async def test_a_domain_is_known_in_any_spelling_and_with_any_port(ada, names, client, host):
    await add(ada, names)
    await ada.post(LINKS, url=URL, code="spring", domain=HOST)
    assert (await follow(client, "/spring", host)).headers["location"] == URL
    assert (await follow(client, "/spring", "other.example.com")).status_code == 404


async def test_a_link_of_a_domain_is_changed_deleted_and_restored_like_any(ada, names, client):
    await add(ada, names)
    link = await ada.post(LINKS, url=URL, code="spring", domain=HOST)
    one = f"{LINKS}/spring?domain={HOST}"
    assert await ada.status("PATCH", one, json={"url": "https://example.net/", "code": "summer"}) == 200
    assert (await follow(client, "/summer")).headers["location"] == "https://example.net/"
    # The old code goes on as an alias, on the same domain.
    assert (await follow(client, "/spring")).headers["location"] == "https://example.net/"
    aliases = await ada.get(f"{LINKS}/{link['id']}/aliases")
    assert aliases["items"] == [{"code": "spring", "domain": HOST, "short_url": f"https://{HOST}/spring"}]
    assert await ada.status("DELETE", f"{LINKS}/{link['id']}/aliases/spring") == 204
    assert (await follow(client, "/spring")).status_code == 410
    assert await ada.status("DELETE", f"{LINKS}/summer?domain={HOST}") == 204
    assert (await follow(client, "/summer")).status_code == 410
    assert await ada.status("POST", f"{LINKS}/summer/restore?domain={HOST}") == 200
    assert (await follow(client, "/summer")).status_code == 302


async def test_a_link_moves_to_a_domain_and_its_old_address_goes_on(ada, names, client):
    await add(ada, names)
    await ada.post(LINKS, url=URL, code="spring")
    moved = await ada.ask("PATCH", f"{LINKS}/spring", json={"domain": HOST})
    assert (moved.json()["code"], moved.json()["domain"]) == ("spring", HOST)
    for host in ("sho.rt", HOST):
        assert (await follow(client, "/spring", host)).headers["location"] == URL
    back = await ada.ask("PATCH", f"{LINKS}/spring?domain={HOST}", json={"domain": None, "keep_old_code": False})
    assert back.json()["domain"] is None
    assert (await follow(client, "/spring")).status_code == 410
    assert_problem(await ada.ask("PATCH", f"{LINKS}/spring", json={"domain": "x.example.com"}), 422, "unknown-domain")


async def test_new_links_get_the_default_domain_of_their_workspace(ada, names, client, shared):
    await add(ada, names, workspace=shared)
    await add(ada, names, "go.example.org", workspace=shared)
    for host in (HOST, "go.example.org"):
        assert await ada.status("PATCH", f"{DOMAINS}/{host}", json={"is_default": True}) == 200
    defaults = {domain["host"]: domain["is_default"] for domain in (await ada.get(DOMAINS))["items"]}
    assert defaults == {HOST: False, "go.example.org": True}
    made = await ada.post(LINKS, url=URL, workspace=shared)
    assert made["domain"] == "go.example.org"
    assert (await ada.post(LINKS, url=URL, workspace=shared, domain=None))["domain"] is None
    assert (await ada.post(LINKS, url=URL))["domain"] is None
    links = [{"url": URL}, {"url": URL, "domain": HOST, "code": "many"}, {"url": URL, "domain": "x.example.com"}]
    done = await ada.post(f"{LINKS}/bulk", links=links, workspace=shared)
    domains = [result.get("link", {}).get("domain") for result in done["results"]]
    assert (domains, done["results"][2]["problem"]["type"]) == (
        ["go.example.org", HOST, None],
        "urn:shortener:problem:unknown-domain",
    )
    put = await ada.ask("PUT", f"{LINKS}/put-here", json={"url": URL, "domain": HOST, "workspace": shared})
    assert (put.status_code, put.json()["short_url"]) == (201, f"https://{HOST}/put-here")
    for status in (201, 200):
        put = await ada.ask("PUT", f"{LINKS}/put-own", json={"url": URL, "workspace": shared})
        assert (put.status_code, put.json()["short_url"]) == (status, "https://sho.rt/put-own")
    again = await ada.ask("PUT", f"{LINKS}/put-here", json={"url": URL, "domain": HOST, "workspace": shared})
    assert again.status_code == 200


async def test_a_link_on_a_domain_stays_in_its_workspace(ada, names, shared):
    await add(ada, names)
    await ada.post(LINKS, url=URL, code="spring", domain=HOST)
    answer = await ada.ask("PATCH", f"{LINKS}/spring?domain={HOST}", json={"workspace": shared})
    assert_problem(answer, 409, "domain-stays")


async def test_visitors_are_led_on_from_the_root_from_unknown_codes_and_from_ended_links(ada, names, client):
    await add(ada, names)
    assert (await follow(client, "/")).status_code == 404
    assert (await follow(client, "/unknown")).status_code == 404
    urls = {name: f"https://example.net/{name}" for name in ("root_url", "not_found_url", "expired_url")}
    changed = await ada.ask("PATCH", f"{DOMAINS}/{HOST}", json=urls)
    assert {name: changed.json()[name] for name in urls} == urls
    await ada.post(LINKS, url=URL, code="used-up", domain=HOST, max_clicks=1)
    assert (await follow(client, "/used-up")).headers["location"] == URL
    places = {"/": "root_url", "/unknown": "not_found_url", "/a/b/c": "not_found_url", "/used-up": "expired_url"}
    for path, name in places.items():
        answer = await follow(client, path)
        assert (answer.status_code, answer.headers.get("location")) == (302, urls[name]), path
        assert "no-store" in answer.headers["cache-control"]
    assert (await follow(client, "/unknown+")).status_code == 404
    assert (await follow(client, "/unknown", "sho.rt")).status_code == 404


async def test_a_domain_that_is_removed_answers_404_until_it_is_back(ada, names, client):
    await add(ada, names)
    await ada.post(LINKS, url=URL, code="spring", domain=HOST)
    await ada.post(LINKS, url="https://example.net/own", code="spring")
    assert await ada.status("DELETE", f"{DOMAINS}/{HOST}") == 204
    # Not with the service's own link of the same code.
    assert (await follow(client, "/spring")).status_code == 404
    assert (await follow(client, "/")).status_code == 404
    assert (await ada.get(f"{LINKS}/spring?domain={HOST}"))["url"] == URL
    assert (await ada.get(f"{DOMAINS}/{HOST}"))["state"] == "removed"
    await ada.post(f"{DOMAINS}/{HOST}/verify")
    assert (await follow(client, "/spring")).headers["location"] == URL


async def test_only_owners_manage_domains_and_strangers_find_nothing(ada, bob, eve, names, shared):
    await ada.share(shared, editor=(bob, "editor"))
    await add(ada, names, workspace=shared)
    assert [domain["host"] for domain in (await bob.get(DOMAINS))["items"]] == [HOST]
    requests = (("POST", "/verify", None), ("PATCH", "", {"is_default": True}), ("DELETE", "", None))
    for method, path, body in requests:
        assert_problem(await bob.ask(method, f"{DOMAINS}/{HOST}{path}", json=body), 403, "insufficient-role")
        assert_problem(await eve.ask(method, f"{DOMAINS}/{HOST}{path}", json=body), 404, "domain-not-found")
    assert_problem(
        await bob.ask("POST", DOMAINS, json={"host": "x.example.com", "workspace": shared}), 403, "insufficient-role"
    )
    for path in ("", "/stats", "/stats/countries"):
        assert_problem(await eve.ask("GET", f"{DOMAINS}/{HOST}{path}"), 404, "domain-not-found")
    # An editor makes links on it, somebody else does not.
    assert (await bob.post(LINKS, url=URL, domain=HOST, workspace=shared))["domain"] == HOST
    assert_problem(await eve.ask("POST", LINKS, json={"url": URL, "domain": HOST}), 422, "unknown-domain")


async def test_a_claim_that_is_not_verified_shows_nothing_of_who_holds_the_host(ada, eve, names):
    await add(ada, names)
    claim = await eve.post(DOMAINS, host=HOST)
    assert claim["state"] == "pending"
    assert_problem(await eve.ask("GET", f"{DOMAINS}/{HOST}/stats"), 404, "domain-not-found")
    names.records[claim["record"]["name"]].append(claim["record"]["value"])
    assert_problem(await eve.ask("POST", f"{DOMAINS}/{HOST}/verify"), 409, "domain-taken")


async def test_whoever_proves_a_domain_that_was_given_up_gets_it_without_the_links_of_before(
    ada, eve, names, client, database
):
    await add(ada, names)
    link = await ada.post(LINKS, url=URL, code="spring", domain=HOST)
    await ada.ask("PATCH", f"{LINKS}/{link['id']}", json={"code": "summer"})
    claim = await eve.post(DOMAINS, host=HOST)
    names.records[claim["record"]["name"]] = [claim["record"]["value"]]
    # The daily lookup finds that the record is gone. The links go on.
    async with database.session() as session:
        await session.execute(text("UPDATE domains SET checked_at = now() - interval '25 hours'"))
        await session.commit()
        [domain_id] = await due(session, 10)
        await check_again(session, TxtLookup((("127.0.0.1", names.port),)), domain_id)
        assert await due(session, 10) == []
    assert (await ada.get(f"{DOMAINS}/{HOST}"))["state"] == "failing"
    assert (await follow(client, "/summer")).headers["location"] == URL
    assert (await eve.post(f"{DOMAINS}/{HOST}/verify"))["state"] == "verified"
    for path in ("/spring", "/summer"):
        assert (await follow(client, path)).status_code == 404
    await eve.post(LINKS, url="https://example.net/eve", code="summer", domain=HOST)
    assert (await follow(client, "/summer")).headers["location"] == "https://example.net/eve"
    assert (await ada.get(f"{DOMAINS}/{HOST}"))["state"] == "pending"
    assert (await ada.get(f"{LINKS}/{link['id']}"))["url"] == URL


async def test_an_admin_can_vouch_for_a_domain(ada, client, admin):
    await ada.post(DOMAINS, host=HOST)
    path = f"/api/v1/admin/domains/{HOST}/verify"
    assert_problem(await ada.ask("POST", path), 403, "insufficient-scope")
    answer = await client.post(path, headers=admin)
    assert (answer.status_code, answer.json()["state"], answer.json()["is_trusted"]) == (200, "verified", True)
    assert_problem(await client.post(path.replace(HOST, "x.example.com"), headers=admin), 404, "domain-not-found")
    assert (await ada.post(LINKS, url=URL, domain=HOST))["domain"] == HOST


async def test_links_back_to_any_host_of_the_service_are_refused_and_those_of_before_are_reported(ada, names):
    await ada.post(LINKS, url=f"https://{HOST}/elsewhere", code="looping")
    verified = await add(ada, names)
    assert verified["looping_links"] == ["looping"]
    await ada.post(LINKS, url=URL, code="abc")
    loops = [f"https://{HOST}/x", f"http://{HOST.upper()}./x", f"https://{HOST}:443/", "https://sho.rt/x"]
    for url in loops:
        bodies = [
            {"url": url},
            {"fallback_url": url},
            {"rules": [{"name": "a", "if": [{"type": "device", "values": ["ios"]}], "url": url}]},
            {"variants": [{"name": "a", "url": url, "weight": 1}]},
        ]
        for body in bodies:
            for method, path, more in (("PATCH", f"{LINKS}/abc", {}), ("POST", LINKS, {"url": URL})):
                answer = await ada.ask(method, path, json=more | body)
                assert_problem(answer, 422, "invalid-destination")
        assert_problem(await ada.ask("PATCH", f"{DOMAINS}/{HOST}", json={"root_url": url}), 422, "invalid-destination")


async def test_every_process_follows_a_change_within_a_second(ada, names, settings):
    async with running_app(settings) as other, client_of(other) as other_client:
        await add(ada, names)
        await ada.post(LINKS, url=URL, code="spring", domain=HOST)

        async def follows() -> bool:
            return (await follow(other_client, "/spring")).status_code == 302

        await eventually(follows, within_s=3)
        await ada.ask("DELETE", f"{DOMAINS}/{HOST}")

        async def is_gone() -> bool:
            return (await follow(other_client, "/spring")).status_code == 404

        await eventually(is_gone, within_s=3)


async def test_changes_are_in_the_audit_log(ada, names, database):
    await add(ada, names)
    await ada.ask("PATCH", f"{DOMAINS}/{HOST}", json={"root_url": "https://example.net/", "is_default": True})
    await ada.ask("PATCH", f"{DOMAINS}/{HOST}", json={"root_url": "https://example.net/"})
    await ada.ask("DELETE", f"{DOMAINS}/{HOST}")
    async with database.session() as session:
        actions = text("SELECT action FROM audit_log WHERE target = :target ORDER BY id")
        rows = await session.execute(actions, {"target": f"domain:{HOST}"})
        assert list(rows.scalars()) == ["domain.added", "domain.verified", "domain.changed", "domain.removed"]


async def test_where_anybody_may_manage_links_the_figures_of_domains_still_need_a_credential(settings):
    settings = changed(settings, anonymous_links=True, anonymous_manage=True)
    async with running_app(settings) as app, client_of(app) as client:
        for path in ("/stats", "/stats/countries"):
            answer = await client.get(f"{DOMAINS}/{HOST}{path}")
            assert_problem(answer, 401, "authentication-required")
