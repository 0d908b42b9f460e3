"""The palette, keys, and forms that are sent twice."""

import re

from tests.conftest import create_link
from tests.dashboard.test_in_browser import make, site, watched

__all__ = ["site"]


async def test_one_field_finds_links_tags_and_places(page):
    await create_link(page, code="abc", title="Spring sale", tags=["spring"])
    text = (await page.get("/-/palette?q=SPRING")).text
    assert 'href="/-/links/abc"' in text
    assert "tag%3Aspring" in text
    assert 'href="/-/preferences"' in (await page.get("/-/palette?q=prefer")).text
    assert "Nothing matches" in (await page.get("/-/palette?q=nowhere")).text


async def test_the_pages_of_the_link_that_is_shown_come_first(page):
    await create_link(page, code="abc")
    partial = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#found"}
    at_link, at_tags = ({"HX-Current-URL": f"https://sho.rt/-/{path}"} for path in ("links/abc/qr?margin=2", "tags"))
    text = (await page.get("/-/palette", headers=partial | at_link)).text
    assert text.index('href="/-/links/abc/edit"') < text.index('href="/-/new"')
    assert "/-/links/abc/edit" not in (await page.get("/-/palette", headers=partial | at_tags)).text


async def test_links_of_others_are_not_found(ada, database):
    async with database.driver_connection() as connection:
        await connection.execute(
            "INSERT INTO links (code, url, created_at, updated_at) VALUES ('other', 'https://a.example/', now(), now())"
        )
    assert "/-/links/other" not in (await ada.get("/-/palette?q=other")).text


async def test_a_form_that_is_sent_twice_makes_one_link(page):
    for path, form in (("/-/links", "/-/"), ("/-/new", "/-/new")):
        key = re.search(r'name="key" value="([^"]+)"', (await page.get(form)).text)[1]
        fields = {"url": f"https://example.com{path}", "key": key}
        first, second = [await page.post(path, data=fields) for _ in range(2)]
        assert first.headers["location"] == second.headers["location"]
        # Going back and changing it makes another.
        third = await page.post(path, data=fields | {"title": "Another"})
        assert third.headers["location"] not in ("", first.headers["location"])
    assert (await page.get("/api/v1/links")).json()["total"] == 4


async def test_a_target_that_no_page_has_is_given_the_page(page):
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "nowhere"}
    assert "<html" in (await page.get("/-/help", headers=headers)).text


async def test_the_palette_opens_by_a_key_and_leads_on(browser, site):
    make(site, code="abc", title="Spring sale")
    async with watched(browser) as page:
        await page.goto(f"{site}/-/preferences")
        await page.keyboard.press("Control+k")
        await page.keyboard.type("sale")
        await page.wait_for_selector("#found a")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{site}/-/links/abc")
        await page.keyboard.press("?")
        await page.wait_for_selector("#shortcuts .keys")
        await page.keyboard.press("Escape")
        await page.keyboard.press("g")
        await page.keyboard.press("l")
        await page.wait_for_url(f"{site}/-/links")


async def test_a_double_click_on_shorten_makes_one_link(browser, site):
    async with watched(browser) as page:
        await page.goto(site)
        await page.fill("#url", "https://example.com/twice")
        await page.dblclick("text=Shorten")
        await page.wait_for_selector("[data-made]")
        await page.goto(f"{site}/-/links")
        assert await page.locator("[data-row]").count() == 1


async def test_single_keys_can_be_switched_off_and_never_fire_in_a_field(browser, site):
    make(site, code="abc")
    async with watched(browser) as page:
        await page.goto(f"{site}/-/links")
        await page.focus("#q")
        await page.keyboard.type("n?")
        # The list of what was typed: without it, it would come while the next page loads.
        await page.wait_for_url("**q=n%3F")
        await page.context.add_cookies([{"name": "keys", "value": "off", "url": f"{site}/-/"}])
        await page.goto(f"{site}/-/links")
        await page.keyboard.press("n")
        await page.keyboard.press("?")
        assert await page.locator("dialog[open]").count() == 0
        assert page.url == f"{site}/-/links"
