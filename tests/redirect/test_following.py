"""What links with options do when they are followed."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import CHROME, changed, client_of, create_link, eventually, running_app
from tests.links.test_api import assert_problem

LINKS = "/api/v1/links"
URL = "https://example.com/page"
ELSEWHERE = "https://elsewhere.example/"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile Safari/604.1"
PREVIEW_AGENT = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"
IOS = {"name": "phones", "if": [{"type": "device", "values": ["ios"]}], "url": "https://apps.example/"}


def moment(**after: float) -> str:
    return (datetime.now(UTC) + timedelta(**after)).isoformat()


async def leads_to(client, path: str, **headers: str) -> str | None:
    answer = await client.get(path, headers=headers)
    return answer.headers.get("location")


async def test_a_link_that_has_not_begun_is_not_found_and_then_works(client):
    await create_link(client, URL, code="abc", starts_at=moment(hours=1))
    assert_problem(await client.get("/abc"), 404, "link-scheduled")
    page = await client.get("/abc", headers=BROWSER)
    assert (page.status_code, "does not work yet" in page.text) == (404, True)
    await client.patch(f"{LINKS}/abc", json={"starts_at": moment(seconds=0.5)})

    async def works() -> bool:
        return await leads_to(client, "/abc") == URL

    assert await eventually(works)


async def test_before_its_beginning_and_after_its_end_a_link_leads_to_its_fallback(client):
    await create_link(client, URL, code="later", starts_at=moment(hours=1), fallback_url=ELSEWHERE)
    await create_link(client, URL, code="over", expires_at=moment(seconds=0.3), fallback_url=ELSEWHERE)
    assert await leads_to(client, "/later") == ELSEWHERE

    async def is_over() -> bool:
        return await leads_to(client, "/over") == ELSEWHERE

    assert await eventually(is_over)


async def test_a_link_that_would_end_before_it_begins_is_refused(client):
    start, end = moment(hours=2), moment(hours=1)
    answer = await client.post(LINKS, json={"url": URL, "starts_at": start, "expires_at": end})
    assert_problem(answer, 422, "invalid-schedule")
    code = (await create_link(client, URL, expires_at=end))["code"]
    assert_problem(await client.patch(f"{LINKS}/{code}", json={"starts_at": start}), 422, "invalid-schedule")
    assert (await client.get(f"{LINKS}/{code}")).json()["starts_at"] is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_link_answers_with_its_status_and_permanent_ones_may_be_remembered_for_a_while(client, status):
    await create_link(client, URL, code="abc", redirect_status=status)
    answer = await client.get("/abc")
    assert (answer.status_code, answer.headers["location"]) == (status, URL)
    kept = "private, max-age=3600" if status in (301, 308) else "private, no-store"
    assert answer.headers["cache-control"] == kept


async def test_a_permanent_redirect_that_depends_on_anything_is_not_remembered(client):
    for n, option in enumerate(
        ({"rules": [IOS]}, {"expires_at": moment(hours=1)}, {"max_clicks": 5}, {"fallback_url": ELSEWHERE})
    ):
        await create_link(client, URL, code=f"abc{n}", redirect_status=301, **option)
        assert (await client.get(f"/abc{n}")).headers["cache-control"] == "private, no-store", option


async def test_query_and_path_are_handed_on_only_where_the_link_says_so(client):
    await create_link(client, f"{URL}?a=1", code="plain")
    await create_link(client, f"{URL}?a=1", code="query", forward_query=True, utm={"source": "card", "term": "t"})
    await create_link(client, URL, code="path", forward_path=True)
    assert await leads_to(client, "/plain?a=2") == f"{URL}?a=1"
    assert await leads_to(client, "/query?a=2&utm_source=x") == f"{URL}?a=2&utm_source=x&utm_term=t"
    assert await leads_to(client, "/path/b/%C3%A4?c=d") == f"{URL}/b/%C3%A4"
    for path in ("/plain/b", "/query/b", "/nowhere/b"):
        assert_problem(await client.get(path), 404, "not-found")


async def test_paths_behind_codes_find_no_more_codes_than_the_limit_of_misses(settings):
    async with running_app(changed(settings, limit_miss="3/minute")) as app, client_of(app) as client:
        await create_link(client, URL, code="abc")
        statuses = [(await client.get(f"/guess{n}/x")).status_code for n in range(5)]
        assert statuses == [404, 404, 404, 429, 429]
        assert (await client.get("/nowhere")).status_code == 429


async def test_what_is_handed_on_reaches_rules_variants_and_fallbacks_too(client):
    options = {"forward_query": True, "forward_path": True, "utm": {"source": "s"}}
    await create_link(client, URL, code="rule", rules=[IOS], **options)
    await create_link(client, URL, code="over", starts_at=moment(hours=1), fallback_url=ELSEWHERE, **options)
    await create_link(client, URL, code="vary", variants=[{"name": "v", "url": "https://v.example/"}], **options)
    assert await leads_to(client, "/rule/x?q=1", **{"User-Agent": IPHONE}) == "https://apps.example/x?q=1&utm_source=s"
    assert await leads_to(client, "/over/x?q=1") == "https://elsewhere.example/x?q=1&utm_source=s"
    assert await leads_to(client, "/vary/x?q=1") == "https://v.example/x?q=1&utm_source=s"


async def test_rules_decide_before_variants_and_the_figures_name_both(client, drain):
    await create_link(client, URL, code="abc", rules=[IOS], variants=[{"name": "v", "url": "https://v.example/"}])
    for _ in range(3):
        assert await leads_to(client, "/abc", **{"User-Agent": IPHONE}) == "https://apps.example/"
    assert await leads_to(client, "/abc") == "https://v.example/"
    assert await drain() == 4
    stats = (await client.get(f"{LINKS}/abc/stats")).json()
    assert stats["clicks"] == 4
    assert stats["rules"] == [{"value": "phones", "clicks": 3}]
    assert stats["variants"] == [{"value": "v", "clicks": 1}]
    clicks = (await client.get(f"{LINKS}/abc/clicks")).json()["items"]
    assert sorted((each["rule"], each["variant"]) for each in clicks if each["rule"]) == [("phones", None)] * 3


async def test_a_changed_rule_holds_in_every_process_within_a_second(app, settings, client):
    await create_link(client, URL, code="abc", rules=[IOS])
    agent = {"User-Agent": IPHONE}
    async with running_app(settings) as other_app, client_of(other_app) as other:
        assert await leads_to(other, "/abc", **agent) == "https://apps.example/"
        new = IOS | {"url": "https://new.example/"}
        await client.patch(f"{LINKS}/abc", json={"rules": [new]})
        assert await leads_to(client, "/abc", **agent) == "https://new.example/"

        async def follows() -> bool:
            return await leads_to(other, "/abc", **agent) == "https://new.example/"

        assert await eventually(follows, within_s=1)


async def test_a_referrer_given_in_unicode_is_the_host_that_browsers_send(client):
    rule = {"name": "r", "if": [{"type": "referrer", "values": ["MÜNCHEN.example"]}], "url": ELSEWHERE}
    await create_link(client, URL, code="abc", rules=[rule])
    for referrer in ("https://xn--mnchen-3ya.example/", "https://XN--MNCHEN-3YA.Example/a"):
        assert await leads_to(client, "/abc", Referer=referrer) == ELSEWHERE, referrer
    assert await leads_to(client, "/abc", Referer="https://munchen.example/") == URL


async def test_a_preview_agent_is_shown_the_card_and_people_are_led_on(client, drain):
    preview = {"title": 'A "card" & more', "description": "What it is.", "image_url": "https://img.example/a.png"}
    await create_link(client, URL, code="abc", preview=preview)
    card = await client.get("/abc", headers={"User-Agent": PREVIEW_AGENT})
    assert (card.status_code, card.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert '<meta property="og:title" content="A &quot;card&quot; &amp; more">' in card.text
    assert 'content="https://img.example/a.png"' in card.text
    assert "example.com/page" not in card.text
    assert await leads_to(client, "/abc") == URL
    assert await drain() == 1


async def test_only_an_indexable_link_may_be_listed_by_search_engines(client):
    await create_link(client, URL, code="abc")
    await create_link(client, URL, code="open", indexable=True)
    assert (await client.get("/abc")).headers["x-robots-tag"] == "noindex"
    assert "x-robots-tag" not in (await client.get("/open")).headers


async def test_an_archived_link_goes_on_redirecting_and_lists_leave_it_out(client):
    await create_link(client, URL, code="abc")
    await create_link(client, URL, code="old", archived=True)
    assert await leads_to(client, "/old") == URL
    codes = [item["code"] for item in (await client.get(LINKS)).json()["items"]]
    assert codes == ["abc"]
    codes = [item["code"] for item in (await client.get(LINKS, params={"archived": "true"})).json()["items"]]
    assert codes == ["old"]


async def test_a_person_with_a_plain_link_is_not_asked_for_anything_new(client):
    await create_link(client, URL, code="abc")
    answer = await client.get("/abc", headers={"User-Agent": CHROME, "Cookie": "unlocked-1=1.x"})
    assert (answer.status_code, answer.headers["location"]) == (302, URL)
