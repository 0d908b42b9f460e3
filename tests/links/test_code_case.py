"""Codes without regard to upper and lower case, where the operator has chosen that."""

import asyncio

import pytest

from shortener.links.codes import LOWER_ALPHABET
from shortener.redirect.protocol import RedirectProtocol
from tests.accounts.conftest import two_processes
from tests.conftest import changed, client_of, create_link, running_app
from tests.links.test_api import LINKS, assert_problem
from tests.moderation.conftest import ADMIN, BANS, REPORTS, admin, ban
from tests.redirect.test_link_passwords import BROWSER, enter
from tests.redirect.test_protocol import WAYS, answer_of, request, served

__all__ = ["admin"]

URL = "https://example.com/page"
SPELLINGS = ("sale", "Sale", "SALE")


@pytest.fixture
def settings(settings):
    return changed(settings, code_case="insensitive")


async def test_every_spelling_leads_to_the_same_link_and_no_other_can_have_it(client, drain):
    link = await create_link(client, URL, code="Sale")
    assert (link["code"], link["short_url"]) == ("sale", "https://sho.rt/sale")
    for code in SPELLINGS:
        assert (await client.get(f"/{code}")).headers["location"] == URL
        assert (await client.head(f"/{code}")).status_code == 302
        assert URL in (await client.get(f"/{code}+")).text
        assert_problem(await client.post(LINKS, json={"url": URL, "code": code}), 409, "code-taken")
    assert await drain() == 6
    assert (await client.get(f"{LINKS}/sALE")).json()["clicks"] == 3


@pytest.mark.parametrize("protocol", WAYS)
async def test_the_ways_through_the_protocol_read_every_spelling(app, settings, protocol):
    async with client_of(app) as client:
        await create_link(client, URL, code="SALE", forward_path=True)
    async with served(settings, protocol) as address:
        reader, writer = await asyncio.open_connection(*address)
        for path in (b"/sale", b"/SALE", b"/sAlE", b"/Sal%65", b"/SALE?q=1", b"/Sale.", b"/SALE__"):
            writer.write(request(path))
            assert b"\r\nlocation: https://example.com/page\r\n" in await answer_of(reader), path
        writer.write(request(b"/SALE/A/b"))
        assert b"\r\nlocation: https://example.com/page/A/b\r\n" in await answer_of(reader)
        for path in (b"/HEALTH/live", b"/Docs", b"/sales"):
            writer.write(request(path))
            assert (await answer_of(reader)).startswith(b"HTTP/1.1 404 "), path
        writer.close()


async def test_every_route_of_a_link_takes_every_spelling(client):
    await create_link(client, URL, code="sale")
    one = f"{LINKS}/SALE"
    assert (await client.get(one)).status_code == 200
    for path in ("/stats", "/clicks", "/aliases"):
        assert (await client.get(one + path)).status_code == 200, path
    assert (await client.post(f"{one}/rules/test", json={})).status_code == 200
    assert (await client.patch(one, json={"note": "n"})).json()["note"] == "n"
    assert (await client.put(one, json={"url": URL})).status_code == 200
    assert (await client.put(f"{LINKS}/OTHER", json={"url": URL})).json()["code"] == "other"
    assert (await client.delete(one)).status_code == 204
    assert (await client.get("/Sale")).status_code == 410
    assert (await client.post(f"{LINKS}/Sale/restore")).status_code == 200
    assert (await client.get("/Sale")).status_code == 302


async def test_aliases_and_new_codes_are_the_same_in_every_spelling(client):
    await create_link(client, URL, code="sale")
    assert (await client.patch(f"{LINKS}/sale", json={"code": "SALE"})).json()["code"] == "sale"
    assert (await client.patch(f"{LINKS}/sale", json={"code": "Winter"})).json()["code"] == "winter"
    for path in ("/SALE", "/WINTER"):
        assert (await client.get(path)).headers["location"] == URL
    added = await client.post(f"{LINKS}/WINTER/aliases", json={"code": "WS"})
    assert added.status_code == 422, "a code has three characters"
    added = await client.post(f"{LINKS}/WINTER/aliases", json={"code": "WSale"})
    assert added.json() == {"code": "wsale", "domain": None, "short_url": "https://sho.rt/wsale"}
    for taken in ("wsALE", "SALE", "Winter"):
        again = await client.post(f"{LINKS}/winter/aliases", json={"code": taken})
        assert_problem(again, 409, "code-taken")
    assert (await client.delete(f"{LINKS}/winter/aliases/WSALE")).status_code == 204
    assert (await client.get("/wsale")).status_code == 410


async def test_of_two_spellings_in_a_bulk_request_the_first_gets_the_code(client):
    assert (await client.get("/first")).status_code == 404
    links = [{"url": URL, "code": code} for code in ("First", "FIRST", "other")]
    answer = (await client.post(f"{LINKS}/bulk", json={"links": links})).json()
    assert [result["status"] for result in answer["results"]] == [201, 409, 201]
    assert answer["results"][0]["link"]["code"] == "first"
    assert (await client.get("/FIRST")).status_code == 302, "that it was missing is forgotten"


async def test_generated_codes_have_no_capitals(client):
    single = [(await create_link(client, URL))["code"] for _ in range(20)]
    answer = (await client.post(f"{LINKS}/bulk", json={"links": [{"url": URL}] * 200})).json()
    codes = single + [result["link"]["code"] for result in answer["results"]]
    assert set("".join(codes)) == set(LOWER_ALPHABET)


async def test_ids_are_exact(client):
    link = await create_link(client, URL, code="sale")
    assert (await client.get(f"{LINKS}/{link['id']}")).json()["code"] == "sale"
    assert_problem(await client.get(f"{LINKS}/{link['id'].upper()}"), 404, "link-not-found")
    for code in (link["id"], link["id"].upper()):
        assert_problem(await client.post(LINKS, json={"url": URL, "code": code}), 422, "invalid-request")


async def test_a_change_holds_for_every_spelling_in_every_process(settings):
    async with two_processes(settings) as two:
        await create_link(two.one, URL, code="sale")
        for client in (two.one, two.other):
            assert (await client.get("/SALE")).headers["location"] == URL
        await two.one.patch(f"{LINKS}/SaLe", json={"url": "https://new.example/"})
        for code in ("sale", "SALE"):
            assert (await two.one.get(f"/{code}")).headers["location"] == "https://new.example/"


async def test_bans_and_reports_find_every_spelling(client, admin):
    await create_link(client, URL, code="sale")
    for named in ({"code": "SALE"}, {"short_url": "sho.rt/Sale"}):
        assert (await client.post(REPORTS, json={"reason": "spam", **named})).status_code == 202
    cases = (await client.get(f"{ADMIN}/reports", headers=admin)).json()["items"]
    assert [(case["code"], case["reports"]) for case in cases] == [("sale", 2)]
    assert (await client.get(f"{ADMIN}/links/SALE", headers=admin)).json()["code"] == "sale"
    banned = await ban(client, admin, "link", "SALE")
    assert banned["value"] == "sale"
    assert (await client.get("/Sale")).status_code == 410
    assert (await client.delete(f"{BANS}/{banned['id']}", headers=admin)).status_code == 204
    assert (await client.get("/Sale")).status_code == 302
    log = (await client.get("/api/v1/admin/audit", params={"target": "link:SALE"}, headers=admin)).json()
    assert {entry["target"] for entry in log["items"]} == {"link:sale"}


async def test_a_password_opens_every_spelling(client):
    await create_link(client, URL, code="sale", password="open sesame")
    answer = await enter(client, "open sesame", "/SALE?q=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sale?q=1")
    assert "; Path=/;" in answer.headers["set-cookie"]
    for code in ("sale", "SALE"):
        assert (await client.get(f"/{code}", headers=BROWSER)).headers["location"] == URL


async def test_a_warning_is_agreed_to_for_every_spelling(client):
    await create_link(client, "https://xn--80ak6aa92e.example/", code="odd")
    page = (await client.get("/ODD", headers=BROWSER)).text
    agreed = page.partition('href="/odd?')[2].partition('"')[0]
    assert (await client.get(f"/Odd?{agreed}")).status_code == 302


async def test_a_limit_counts_the_clicks_of_every_spelling(client):
    await create_link(client, URL, code="sale", max_clicks=2)
    assert [(await client.get(f"/{code}")).status_code for code in SPELLINGS] == [302, 302, 410]


async def test_with_regard_to_case_two_spellings_are_two_links(settings):
    async with running_app(changed(settings, code_case="sensitive")) as app, client_of(app) as client:
        for code in SPELLINGS:
            await create_link(client, f"{URL}/{code}", code=code)
        for code in SPELLINGS:
            assert (await client.get(f"/{code}")).headers["location"] == f"{URL}/{code}"
        assert (await client.get("/sALE")).status_code == 404
    async with served(changed(settings, code_case="sensitive"), RedirectProtocol) as address:
        reader, writer = await asyncio.open_connection(*address)
        for code in SPELLINGS:
            writer.write(request(f"/{code}".encode()))
            assert f"\r\nlocation: {URL}/{code}\r\n".encode() in await answer_of(reader)
        writer.close()
