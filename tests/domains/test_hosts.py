"""Answers to requests for any host, and features that distinguish domains."""

import pytest

from shortener.redirect.hosts import Hosts, short_url
from tests.accounts.conftest import PASSWORD
from tests.conftest import changed, client_of, create_link, eventually, running_app
from tests.domains.conftest import DOMAINS, HOST, add, follow
from tests.links.test_api import assert_problem
from tests.qr.reading import read
from tests.workspaces.conftest import LINKS, URL

ASKED = ("/api/v1/links", "/openapi.json", "/docs", "/", "/static/docs.js", "/no/such/path")
FOR_ANY_HOST = ("/robots.txt", "/favicon.ico", "/health/live")


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://sho.rt", "https://go.example.com/abc"),
        ("http://127.0.0.1:8000", "http://go.example.com:8000/abc"),
        ("http://[::1]:8000", "http://go.example.com:8000/abc"),
        ("http://[::1]", "http://go.example.com/abc"),
    ],
)
def test_a_short_url_on_a_domain_has_the_scheme_and_port_of_the_service(base_url, expected):
    assert short_url(base_url, "go.example.com/abc") == expected
    assert short_url(base_url, "abc") == f"{base_url}/abc"


@pytest.mark.parametrize("sent", [b"", b"sho.rt:", b"SHO.RT", b"sho.rt.:443", b"sho.rt:80"])
def test_the_services_own_host_is_known_in_any_spelling(sent):
    hosts = Hosts(["sho.rt"], refuses_unknown=True)
    assert hosts.prefix_of(sent) == ("" if sent else None)


async def test_a_domain_only_redirects(ada, names, client):
    await add(ada, names)
    for path in ASKED:
        for accept, kind in (("text/html", "text/html"), ("*/*", "application/problem+json")):
            answer = await client.get(path, headers={"Host": HOST, "Accept": accept})
            assert (path, answer.status_code, answer.headers["content-type"].partition(";")[0]) == (path, 404, kind)
            assert "content-security-policy" in answer.headers
    for path in FOR_ANY_HOST:
        assert (await follow(client, path)).status_code == 200
    # Other hosts serve the API as before.
    assert (await follow(client, "/openapi.json", "other.example.com")).status_code == 200


async def test_with_api_hosts_only_those_serve_the_api_and_the_pages(settings):
    async with (
        running_app(changed(settings, api_hosts="app.sho.rt, 10.0.0.7", anonymous_links=True)) as app,
        client_of(app) as client,
    ):
        for path in ASKED[:3]:
            for host in ("app.sho.rt", "APP.sho.rt:443", "10.0.0.7"):
                assert (await follow(client, path, host)).status_code in (200, 401)
            for host in ("sho.rt", "other.example.com"):
                assert (await follow(client, path, host)).status_code == 404
        made = await client.post(LINKS, json={"url": URL, "code": "abc"}, headers={"Host": "app.sho.rt"})
        assert made.json()["short_url"] == "https://sho.rt/abc"
        for host in ("sho.rt", "app.sho.rt", "other.example.com"):
            assert (await follow(client, "/abc", host)).status_code == 302
        answer = await client.post(LINKS, json={"url": "https://app.sho.rt/abc"}, headers={"Host": "app.sho.rt"})
        assert_problem(answer, 422, "invalid-destination")


async def test_unknown_hosts_get_the_services_links_or_nothing(settings):
    for unknown_hosts, status in (("serve", 302), ("refuse", 404)):
        changes = {"unknown_hosts": unknown_hosts, "anonymous_links": True}
        async with running_app(changed(settings, **changes)) as app, client_of(app) as client:
            code = (await create_link(client))["code"]
            assert (await follow(client, f"/{code}", "sho.rt")).status_code == 302
            for host in ("other.example.com", "sho.rt.example.com", "192.0.2.7:8000"):
                assert (await follow(client, f"/{code}", host)).status_code == status, host
                assert (await follow(client, f"/{code}.qr", host)).status_code == (200 if status == 302 else 404)
            assert (await follow(client, "/health/live", "192.0.2.7")).status_code == 200


async def test_reverse_proxies_can_ask_which_hosts_have_links(ada, names, client):
    await ada.post(DOMAINS, host="pending.example.com")
    await add(ada, names)
    for domain, status in ((HOST, 200), ("GO.example.com.", 200), ("sho.rt", 200), ("pending.example.com", 404)):
        assert (await client.get(f"{DOMAINS}/allowed", params={"domain": domain})).status_code == status, domain
    await ada.ask("DELETE", f"{DOMAINS}/{HOST}")
    assert (await client.get(f"{DOMAINS}/allowed", params={"domain": HOST})).status_code == 404


async def test_lists_tell_domains_apart_and_find_short_urls(ada, names):
    await add(ada, names)
    await ada.post(LINKS, url=URL, code="spring")
    link = await ada.post(LINKS, url=URL, code="spring", domain=HOST)
    expected = {f"domain={HOST}": [HOST], "domain=sho.rt": [None], "domain=x.example.com": []}
    expected |= {f"q={link['short_url']}": [HOST], f"q={HOST}": [HOST], "q=https://sho.rt/spring": [None]}
    expected |= {"q=spring&sort=created_at&order=asc": [None, HOST]}
    for query, domains in expected.items():
        found = (await ada.get(f"{LINKS}?{query}"))["items"]
        assert [each["domain"] for each in found] == domains, query
    changed_ = await ada.ask("PATCH", f"{LINKS}/bulk", json={"codes": [f"{HOST}/spring"], "set": {"title": "Spring"}})
    assert changed_.json()["results"] == [{"code": f"{HOST}/spring", "status": 200, "changed": ["title"]}]
    assert (await ada.get(f"{LINKS}/spring"))["title"] is None


async def test_bans_and_reports_tell_domains_apart(ada, names, client, admin):
    await add(ada, names)
    for domain in (None, HOST):
        await ada.post(LINKS, url=URL, code="spring", domain=domain)
    report = {"short_url": f"https://{HOST}/spring", "reason": "spam"}
    assert (await client.post("/api/v1/reports", json=report)).status_code == 202
    [case] = (await client.get("/api/v1/admin/reports", headers=admin)).json()["items"]
    assert case["code"] == f"{HOST}/spring"
    body = {"kind": "link", "value": f"{HOST}/spring", "reason": "spam"}
    assert (await client.post("/api/v1/admin/bans", json=body, headers=admin)).status_code == 201
    assert (await follow(client, "/spring")).status_code == 410
    assert (await follow(client, "/spring", "sho.rt")).status_code == 302


async def test_the_picture_of_a_domains_link_holds_its_own_address(ada, names, client):
    await add(ada, names)
    link = await ada.post(LINKS, url=URL, code="spring", domain=HOST)
    pictures = [
        await ada.ask("GET", f"{LINKS}/spring/qr?domain={HOST}&format=png"),
        await ada.ask("GET", f"{LINKS}/{link['id']}/qr?format=png"),
        await follow(client, "/spring.qr?format=png"),
    ]
    assert [read(picture.content).text for picture in pictures] == [f"https://{HOST}/spring?qr"] * 3


async def test_case_and_what_stands_around_a_link_are_handled_as_on_the_services_own_host(ada, names, settings):
    await add(ada, names)
    await ada.post(LINKS, url=URL, code="spring", domain=HOST)
    async with running_app(settings) as app, client_of(app) as client:
        for path in ("/spring_", "/spring.", '/"spring"', "/spring-"):
            assert (await follow(client, path)).headers.get("location") == URL, path
        assert (await client.head("/spring", headers={"Host": HOST})).status_code == 302
        preview = await client.get("/spring+", headers={"Host": HOST, "Accept": "application/json"})
        assert preview.json() == {"code": "spring", "short_url": f"https://{HOST}/spring", "url": URL}


async def test_a_password_opens_a_link_on_its_domain(ada, names, client):
    await add(ada, names)
    await ada.post(LINKS, url=URL, code="spring", domain=HOST, password="tulip")
    answer = await client.post("/spring", data={"password": "tulip"}, headers={"Host": HOST})
    assert (answer.status_code, answer.headers["location"]) == (303, "/spring")
    assert "Path=/spring;" in answer.headers["set-cookie"]
    assert (await follow(client, "/spring", "sho.rt")).status_code == 404


async def test_a_change_of_another_process_is_followed_without_redis_reporting_it(ada, names, settings, database):
    async with running_app(settings) as app, client_of(app) as client:
        await add(ada, names)
        await ada.post(LINKS, url=URL, code="spring", domain=HOST)

        async def works() -> bool:
            return (await follow(client, "/spring")).status_code == 302

        await eventually(works, within_s=20)


async def test_the_page_shows_a_link_that_was_made_on_the_default_domain(ada, names, client):
    await add(ada, names)
    assert await ada.status("PATCH", f"{DOMAINS}/{HOST}", json={"is_default": True}) == 200
    own = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    login = {"email": ada.email, "password": PASSWORD}
    assert (await client.post("/-/login", data=login, headers=own)).status_code == 303
    made = await client.post("/-/links", data={"url": URL, "code": "spring"}, headers=own, follow_redirects=True)
    assert f'data-made="https://{HOST}/spring"' in made.text
    for path in (f"/-/links/spring/edit?domain={HOST}", f"/-/links/spring/qr.svg?domain={HOST}"):
        assert path in made.text
        assert (await client.get(path, headers=own)).status_code == 200
    # A link of another site is not shown as one that was made here.
    assert "data-made" not in (await client.get("/-/?made=evil.example/spring", headers=own)).text
