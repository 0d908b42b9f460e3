"""Pages follow what happens while somebody looks at them."""

import asyncio
import re

import httpx
import pytest

from shortener.settings import Settings
from tests.accounts.conftest import EMAIL, PASSWORD
from tests.clicks.make import click, rows_of
from tests.conftest import changed
from tests.dashboard.conftest import OWN
from tests.dashboard.test_in_browser import carry, watched
from tests.live.conftest import worker  # noqa: F401
from tests.serving import PATIENCE_S, serving

SPACE = {"registration": "open", "anonymous_links": False, "anonymous_manage": False}

LIVE = re.compile(r"/-/live\?")


def person(site: str, email: str) -> httpx.Client:
    """A browser in which this person is logged in. It opens a connection for each request: the server closes one that
    is not used for a while, perhaps at the moment of the next request."""
    limits = httpx.Limits(max_keepalive_connections=0)
    client = httpx.Client(base_url=site, headers=OWN, timeout=PATIENCE_S, limits=limits)
    for path in ("/-/register", "/-/login"):
        assert client.post(path, data={"email": email, "password": PASSWORD}).status_code in (200, 303)
    return client


def meet(site: str) -> tuple[httpx.Client, httpx.Client]:
    """Ada and Bob, who share a workspace that has a link."""
    ada, bob = person(site, EMAIL), person(site, "bob@example.com")
    place = ada.post("/-/workspaces", data={"name": "Marketing"}).headers["location"]
    made = ada.post(f"{place}/invitations", data={"email": "bob@example.com", "role": "viewer"})
    token = re.search(r"/-/join#(shri_\w+)", made.text)[1]
    assert bob.post("/-/join", data={"invitation": token, "yes": "1"}).status_code == 303
    fields = {"url": "https://example.com/", "code": "sale", "workspace": place.rpartition("/")[2]}
    assert ada.post("/-/new", data=fields).status_code == 303
    return ada, bob


async def look(page, ada: httpx.Client, path: str) -> None:
    """Open the page as Ada, and wait until it is told what happens."""
    await carry(page.context, ada)
    async with page.expect_response(LIVE):
        await page.goto(str(ada.base_url.join(path)))
    await asyncio.sleep(0.5)


async def test_a_click_and_a_comment_of_another_member_are_shown_within_two_seconds(
    browser,
    settings: Settings,
    database,
    worker,  # noqa: F811
):
    with serving(changed(settings, **SPACE)) as site:
        ada, bob = await asyncio.to_thread(meet, site)
        [(link_id,)] = await rows_of(database, "SELECT id FROM links")
        async with watched(browser) as page:
            await look(page, ada, "/-/links/sale")
            await page.click(".as-table summary")
            await worker.write(click(link_id))
            await page.wait_for_selector('.numbers dd b[title="1"]', timeout=2000)
            # What was open stays open.
            assert await page.locator(".as-table[open]").count() == 1
            await asyncio.to_thread(bob.post, "/-/links/sale/comments", data={"text": "@ada <b>look</b>"})
            await page.wait_for_selector(".tabs .badge", timeout=4000)
            await page.wait_for_selector("#bell b", timeout=4000)
            await look(page, ada, "/-/links/sale/comments")
            await page.fill("#text", "half a sentence")
            await asyncio.to_thread(bob.post, "/-/links/sale/comments", data={"text": "And again"})
            await page.wait_for_selector("text=And again", timeout=4000)
            assert await page.input_value("#text") == "half a sentence"
            await page.evaluate("document.querySelector('[data-guard]').reset(); changed = false")


async def test_comments_that_are_read_by_looking_leave_the_focus_where_it_is(browser, settings):
    with serving(changed(settings, **SPACE)) as site:
        ada, bob = await asyncio.to_thread(meet, site)
        await asyncio.to_thread(bob.post, "/-/links/sale/comments", data={"text": "Look"})
        async with watched(browser) as page:
            await carry(page.context, ada)
            await page.goto(f"{site}/-/links/sale/comments")
            await page.focus("[data-read] button")
            await page.wait_for_selector(".tabs .badge", state="detached")
            assert await page.evaluate("document.activeElement.matches('[data-read] button')")
            await page.keyboard.press("Tab")
            await page.wait_for_selector("[data-read]", state="hidden")


# As a browser does with a tab behind another one.
HIDE = """(isHidden) => {
  Object.defineProperty(document, "hidden", { get: () => isHidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
# A page asks this often at least, and none of its timers is as long as the other.
POLL_MS, LONG_MS = 5000, 60_000


@pytest.mark.parametrize("is_told", [True, False], ids=["by messages", "by itself"])
async def test_a_hidden_tab_asks_for_nothing(browser, settings, worker, is_told):  # noqa: F811
    """Neither a page that learns what happens, nor one that asks because a proxy lets no messages through. When it is
    seen again it shows what has happened."""
    with serving(changed(settings, **SPACE)) as site:
        ada, bob = await asyncio.to_thread(meet, site)
        page = await browser.new_page()
        await carry(page.context, ada)
        if not is_told:
            await page.route(LIVE, lambda route: route.abort())
        await page.clock.install()
        await page.goto(f"{site}/-/links/sale/comments")
        async with page.expect_response(LIVE) if is_told else page.expect_request(LIVE):
            await page.clock.run_for(1000)
        await asyncio.to_thread(bob.post, "/-/links/sale/comments", data={"text": "One"})
        await page.clock.run_for(POLL_MS)
        await page.wait_for_selector("text=One")
        if is_told:
            async with page.expect_event("requestfailed", lambda request: LIVE.search(request.url)):
                await page.evaluate(HIDE, True)
        else:
            await page.evaluate(HIDE, True)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await asyncio.to_thread(bob.post, "/-/links/sale/comments", data={"text": "Another"})
        await page.clock.run_for(LONG_MS)
        # Whatever was asked before this was noticed before it.
        await page.evaluate("fetch('/robots.txt').then(() => {})")
        assert asked == [f"{site}/robots.txt"]
        await page.evaluate(HIDE, False)
        await page.clock.run_for(POLL_MS)
        await page.wait_for_selector("text=Another")


async def test_live_messages_are_for_pages_of_this_service(ada):
    path = "/-/live?channel=me&follow=false"
    answer = await ada.get(path)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "private, no-store"
    assert '"ready"' in answer.text
    assert (await ada.get(path, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    await ada.post("/-/logout")
    assert (await ada.get(path)).status_code == 303
