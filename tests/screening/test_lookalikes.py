"""Hosts that may not be what they seem are flagged, and who follows an anonymous link to one is warned."""

import asyncio
import re
from html import unescape

import pytest
import time_machine

from shortener.redirect.consent import Consent
from shortener.screening.destinations import host_of
from shortener.screening.lookalikes import Flag, flag_of
from tests.accounts.conftest import register
from tests.conftest import SECRET, changed, client_of, create_link, running_app
from tests.links.test_api import LINKS, assert_problem
from tests.redirect.test_redirect import BROWSER

APPLE = "https://xn--80ak6aa92e.example/login?a=1"
MUNICH = "https://münchen.example/"


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("example", None),
        ("paypal-login", None),
        ("аррӏе", Flag.LOOK_ALIKE),
        ("соса", Flag.LOOK_ALIKE),
        ("раураl", Flag.LOOK_ALIKE),
        ("gооgle", Flag.LOOK_ALIKE),
        ("пaypal", Flag.MIXED_SCRIPTS),
        ("жdobe-λabs", Flag.MIXED_SCRIPTS),
        ("münchen", Flag.PUNYCODE),
        ("привет", Flag.PUNYCODE),
        ("日本語テスト", Flag.PUNYCODE),
        ("한국語-shop", Flag.PUNYCODE),
    ],
)
def test_what_is_said_of_a_name(name, flag):
    assert flag_of(host_of(f"https://{name}.example/")) is flag
    assert flag_of(host_of(f"https://www.{name.upper()}.sub.example/")) is flag


async def test_a_flag_stands_on_the_link_whoever_made_it(client, settings):
    single = await create_link(client, APPLE)
    many = (await client.post(f"{LINKS}/bulk", json={"links": [{"url": MUNICH}, {"url": "https://a.example"}]})).json()
    assert (single["flag"], [result["link"]["flag"] for result in many["results"]]) == (
        "look-alike",
        ["punycode", None],
    )
    assert (await client.get(f"{LINKS}/{single['code']}")).json() == single
    changed_link = (await client.patch(f"{LINKS}/{single['code']}", json={"url": "https://a.example"})).json()
    assert changed_link["flag"] is None
    assert (await client.get(f"/{single['code']}")).status_code == 302
    await client.patch(f"{LINKS}/{single['code']}", json={"url": MUNICH})
    assert (await client.get(f"/{single['code']}")).status_code == 200


async def test_a_person_is_warned_with_the_real_name_and_goes_on_by_a_click_which_is_counted(client, drain):
    await create_link(client, APPLE, code="fruit")
    page = await client.get("/fruit", headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "аррӏе.example" in page.text
    assert "xn--80ak6aa92e.example" in page.text
    assert "location" not in page.headers
    assert page.headers["cache-control"] == "private, no-store"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy + page.text
    assert "http-equiv" not in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert await drain() == 0

    path = unescape(re.search(r'href="(/fruit[^"]*)"', page.text)[1])
    followed = await client.get(path, headers=BROWSER)
    assert (followed.status_code, followed.headers["location"]) == (302, APPLE)
    assert await drain() == 1


async def test_a_program_is_told_and_head_is_as_get(client):
    await create_link(client, APPLE, code="fruit")
    answer = await client.get("/fruit")
    body = answer.json()
    assert answer.status_code == 200
    assert (body["url"], body["host"], body["unicode_host"]) == (APPLE, "xn--80ak6aa92e.example", "аррӏе.example")
    assert (await client.get(body["continue_url"])).headers["location"] == APPLE
    head = await client.head("/fruit")
    assert (head.status_code, head.content, head.headers["content-length"]) == (
        200,
        b"",
        answer.headers["content-length"],
    )
    preview = await client.get(body["continue_url"].replace("?", "+?"))
    assert (preview.status_code, preview.json()["host"]) == (200, body["host"])


async def test_an_agreement_is_the_clients_own_and_for_this_destination_and_for_a_while(app, client):
    await create_link(client, APPLE, code="fruit")
    await create_link(client, APPLE, code="other")
    agreed = (await client.get("/fruit")).json()["continue_url"].partition("?")[2]
    assert (await client.get(f"/fruit?{agreed}")).status_code == 302
    assert (await client.get(f"/fruit?utm_source=x&{agreed}")).status_code == 302
    for query in (
        "agreed=1",
        "agreed=",
        "agreed",
        f"x{agreed}",
        f"{agreed}x",
        f"agreed=1&{agreed}",
        "agreed=%C3%A4\xe4",
    ):
        assert (await client.get(f"/fruit?{query}")).status_code == 200, query
    assert (await client.get(f"/other?{agreed}")).status_code == 200
    async with client_of(app, "198.51.100.7") as somebody_else:
        assert (await somebody_else.get(f"/fruit?{agreed}")).status_code == 200
    await client.patch(f"{LINKS}/fruit", json={"url": MUNICH})
    assert (await client.get(f"/fruit?{agreed}")).status_code == 200


def test_an_agreement_ends_after_half_an_hour_at_the_latest_and_is_good_for_a_quarter():
    consent, theirs = Consent(SECRET), ("code", APPLE, "192.0.2.7")
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        query = consent.query(*theirs).encode()
        assert not Consent(SECRET + "x").is_given(query, *theirs)
        clock.shift(900)
        assert consent.is_given(query, *theirs)
        clock.shift(900)
        assert not consent.is_given(query, *theirs)


async def test_who_logs_in_makes_links_without_a_warning_and_can_be_asked_about_them(settings):
    async with running_app(changed(settings, registration="open")) as app, client_of(app) as client:
        ada = await register(client)
        made = await client.post(LINKS, json={"url": APPLE, "code": "fruit"}, headers=ada.headers)
        assert made.json()["flag"] == "look-alike"
        assert (await client.get("/fruit", headers=BROWSER)).headers["location"] == APPLE


async def test_such_links_can_be_refused_to_who_is_not_known(settings):
    strict = changed(settings, look_alikes="refuse", registration="open")
    async with running_app(strict) as app, client_of(app) as client:
        ada = await register(client)
        for url in (APPLE, MUNICH, "https://XN--80AK6AA92E.example", "https://x%6E--80ak6aa92e.example/"):
            assert_problem(await client.post(LINKS, json={"url": url}), 422, "destination-refused")
            assert (await client.post(LINKS, json={"url": url}, headers=ada.headers)).status_code == 201
        many = await client.post(f"{LINKS}/bulk", json={"links": [{"url": APPLE}, {"url": "https://a.example"}]})
        assert [result["status"] for result in many.json()["results"]] == [422, 201]
        await create_link(client, code="good")
        assert_problem(await client.patch(f"{LINKS}/good", json={"url": APPLE}), 422, "destination-refused")


async def test_such_links_can_be_made_to_lead_on_at_once(settings):
    async with running_app(changed(settings, look_alikes="allow")) as app, client_of(app) as client:
        assert (await create_link(client, APPLE, code="fruit"))["flag"] == "look-alike"
        assert (await client.get("/fruit", headers=BROWSER)).headers["location"] == APPLE
        await client.patch(f"{LINKS}/fruit", json={"url": MUNICH})
        assert (await client.get("/fruit", headers=BROWSER)).status_code == 302


async def test_what_stands_on_the_page_is_no_markup(client):
    await create_link(client, "https://xn--80ak6aa92e.example/%3Cscript%3E?<b>='\"", code="fruit")
    page = await client.get("/fruit", headers=BROWSER)
    assert "<b>" not in page.text
    assert not re.search("<script", page.text)


async def test_a_disabled_or_expired_link_is_gone_before_it_warns(client):
    await create_link(client, APPLE, code="fruit")
    await client.patch(f"{LINKS}/fruit", json={"disabled": True})
    assert (await client.get("/fruit", headers=BROWSER)).status_code == 410


async def test_a_warned_link_costs_no_more_than_others_to_ask_for_at_once(client):
    await create_link(client, APPLE, code="fruit")
    answers = await asyncio.gather(*(client.get("/fruit", headers=BROWSER) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
