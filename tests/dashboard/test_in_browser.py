"""The pages in a real browser, which enforces their policy."""

import contextlib
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.accounts.conftest import EMAIL, PASSWORD
from tests.conftest import changed, eventually
from tests.dashboard.conftest import OWN
from tests.serving import PATIENCE_S, serving

PATHS = (
    "/-/", "/-/links", "/-/links/abc", "/-/links/abc/edit", "/-/links/abc/qr", "/-/new", "/-/help", "/-/preferences",
    "/-/links/abc?span=today&compare=year", "/-/links/abc/clicks", "/-/links/abc/values/countries", "/-/import",
    "/-/tags", "/-/tags/spring", "/-/tags/spring/edit", "/-/palette?q=a", "/-/report?code=abc",
)  # fmt: skip


@pytest.fixture
def site(settings):
    """The address of an app on which nobody has to log in, as a browser on the same machine sees it."""
    with serving(changed(settings, base_url="http://127.0.0.1")) as url:
        yield url


@contextlib.asynccontextmanager
async def watched(browser, **options) -> AsyncIterator:
    """A page; it fails when the browser complains of anything, or asks another host. A slow browser complains of
    transitions between pages, so nothing moves."""
    context = await browser.new_context(**{"reduced_motion": "reduce"} | options)
    async with watched_page(context) as page:
        yield page
    await context.close()


@contextlib.asynccontextmanager
async def watched_page(context) -> AsyncIterator:
    """The same, in a context that others share."""
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if "127.0.0.1" not in request.url else None)
    yield page
    await page.close()
    assert complaints == []


async def paste(page, text: str) -> None:
    """As Ctrl+V does."""
    await page.evaluate(
        """text => { const data = new DataTransfer(); data.setData("text/plain", text);
        (document.activeElement ?? document.body).dispatchEvent(
            new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })); }""",
        text,
    )


async def carry(context, client: httpx.Client) -> None:
    """Let the browser be logged in as this client is."""
    site = str(client.base_url)
    await context.add_cookies([{"name": name, "value": value, "url": site} for name, value in client.cookies.items()])


def make(site: str, **fields) -> None:
    with httpx.Client(base_url=site, timeout=PATIENCE_S) as client:
        answer = client.post("/api/v1/links", json={"url": "https://example.com/", **fields})
        assert answer.status_code == 201, answer.text


def make_many(site: str, links: list[dict]) -> None:
    answer = httpx.post(f"{site}/api/v1/links/bulk", json={"links": links}, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text


async def test_paste_and_enter_make_a_link_and_put_it_into_the_clipboard(browser, site):
    async with watched(browser, permissions=["clipboard-read", "clipboard-write"]) as page:
        await page.goto(site)
        assert await page.evaluate("document.activeElement.id") == "url"
        await paste(page, "en.wikipedia.org/wiki/URL_shortening")
        assert await page.input_value("#url") == "https://en.wikipedia.org/wiki/URL_shortening"
        await page.keyboard.press("Enter")
        made = await page.get_attribute("[data-made]", "data-made")
        await eventually(lambda: clipboard_is(page, made))
        assert await page.input_value("#url") == ""
        assert await page.evaluate("document.activeElement.id") == "url"


async def clipboard_is(page, text: str) -> bool:
    return await page.evaluate("navigator.clipboard.readText()") == text


async def test_results_follow_the_search_while_it_is_typed_and_are_in_the_address(browser, site):
    for code in ("apple", "banana"):
        make(site, code=code)
    async with watched(browser) as page:
        await page.goto(f"{site}/-/links")
        await page.keyboard.press("/")
        await page.keyboard.type("banana")
        await page.wait_for_selector('[data-row="apple"]', state="detached")
        assert await page.locator("[data-row]").count() == 1
        await page.wait_for_url(f"{site}/-/links?q=banana")
        assert await page.evaluate("document.activeElement.id") == "q"


async def test_one_key_takes_a_link_down_and_one_brings_it_back(browser, site):
    make(site, code="abc")
    async with watched(browser) as page:
        await page.goto(f"{site}/-/links")
        await page.keyboard.press("j")
        await page.keyboard.press("d")
        await page.wait_for_selector("text=abc disabled")
        assert await page.locator('[data-row="abc"] .state').inner_text() == "Disabled"
        await page.keyboard.press("u")
        await page.wait_for_selector("text=abc enabled")
        assert await page.locator('[data-row="abc"] .state').count() == 0


async def test_each_page_works_without_a_script(browser, site):
    async with watched(browser, java_script_enabled=False) as page:
        await page.goto(site)
        await page.fill("#url", "example.com/plain")
        await page.fill("#code", "plain")
        await page.click("text=Shorten")
        assert await page.get_attribute("[data-made]", "data-made") == f"{site}/plain"
        await page.goto(f"{site}/-/links")
        await page.click('[data-row="plain"] summary')
        await page.click('[data-row="plain"] [data-delete]')
        await page.wait_for_selector("#toasts >> text=plain deleted")
        await page.click("text=Undo")
        # The list without the link is on the screen until the next page comes.
        await page.wait_for_selector('[data-row="plain"]')


async def test_an_invitation_is_in_no_request_line_no_header_and_no_log(browser, settings, caplog):
    options = {"base_url": "http://127.0.0.1", "registration": "open", "anonymous_links": False, "access_log": True}
    with serving(changed(settings, **options)) as site:
        with httpx.Client(base_url=site, headers=OWN, timeout=PATIENCE_S) as ada:
            for path, data in (
                ("/-/register", {"email": EMAIL, "password": PASSWORD}),
                ("/-/login", {"email": EMAIL, "password": PASSWORD}),
            ):
                ada.post(path, data=data)
            place = ada.post("/-/workspaces", data={"name": "Marketing"}).headers["location"]
            made = ada.post(f"{place}/invitations", data={"email": "bob@example.com", "role": "viewer"})
        link, token = re.search(r"(http://[^\s<]+/-/join#(shri_\w+))", made.text).groups()
        async with watched(browser) as page:
            asked: list = []
            page.on("response", lambda response: asked.append(response.request))
            await page.goto(link)
            assert token not in page.url
            assert await page.input_value("#invitation") == token
            await page.fill("#email", "bob@example.com")
            await page.fill("#password", PASSWORD)
            await page.click("text=Make an account and join")
            await page.wait_for_selector("text=You are a member now")
            seen = [f"{request.url} {await request.all_headers()}" for request in asked]
            assert len(seen) > 5
            assert not [request for request in seen if token in request]
    assert token not in caplog.text


@pytest.mark.parametrize("width", [320, 1280])
async def test_no_page_breaks_its_policy_runs_what_strangers_write_or_scrolls_sideways(browser, site, width):
    hostile = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}' + "wide" * 40
    make(
        site,
        code="abc",
        title=hostile,
        note=hostile,
        tags=["spring", "wide" * 12],
        url=f"https://example.com/{'long' * 500}",
    )
    async with watched(browser, viewport={"width": width, "height": 700}) as page:
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        for path in PATHS:
            await page.goto(site + path, wait_until="networkidle")
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, path
