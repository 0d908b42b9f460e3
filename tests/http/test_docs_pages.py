"""/docs and /redoc work, and ask nobody but this server."""

import re

from playwright.async_api import Browser, Page, Request

from shortener.accounts.commands import create_user
from tests.conftest import changed
from tests.serving import serving

PAGES = ("/docs", "/redoc")


async def test_the_pages_name_only_files_of_this_server(client):
    for path in PAGES:
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")
        sources = re.findall(r'(?:src|href|spec-url)="([^"]*)"', answer.text)
        assert len(sources) >= 3
        for source in sources:
            assert re.match(r"/[^/]", source)
            assert (await client.get(source)).status_code == 200
        assert "//" not in answer.text
        assert "cdn.redoc" not in (await client.get(sources[-1])).text
        assert not re.search(r"<script[^>]*>[^<]", answer.text)


async def test_browsers_are_told_to_load_nothing_from_elsewhere(client):
    for path in PAGES:
        policy = (await client.get(path)).headers["content-security-policy"]
        directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert directives["default-src"] == "'none'"
        assert set(directives["script-src"].split()) == {"'self'"}
        assert set(directives["connect-src"].split()) == {"'self'"}
        assert not re.search(r"https?:|\*", policy)


async def visit(page: Page, url: str, selector: str) -> tuple[list[Request], list[str]]:
    """All requests until something is shown, and what the browser complained of."""
    requests, complaints = [], []
    page.on("request", lambda request: requests.append(request))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.goto(url)
    await page.wait_for_selector(selector, timeout=60_000)
    await page.wait_for_load_state("networkidle")
    return requests, complaints


async def test_a_browser_shows_every_operation_and_asks_nobody_else(settings, browser: Browser):
    with serving(settings) as url:
        for path, selector in (("/docs", ".opblock-summary-path"), ("/redoc", "[data-section-id] h2")):
            page = await browser.new_page()
            requests, complaints = await visit(page, f"{url}{path}", selector)
            elsewhere = [r.url for r in requests if r.url.startswith("http") and not r.url.startswith(f"{url}/")]
            assert (path, elsewhere, complaints) == (path, [], [])
            assert f"{url}/openapi.json" in {request.url for request in requests}
            if path == "/docs":
                shown = [text.replace("\u200b", "") for text in await page.locator(selector).all_inner_texts()]
                assert {"/api/v1/links", "/{code}", "/{code}+", "/health/ready"} <= set(shown)
                document = await (await page.request.get(f"{url}/openapi.json")).json()
                assert len(shown) == sum(map(len, document["paths"].values()))
            await page.close()


async def test_the_authorize_button_logs_in_and_what_is_tried_out_is_let_in(settings, browser: Browser):
    await create_user(settings, "ada@example.com", "mauve giraffe cycles", is_admin=False)
    with serving(changed(settings, anonymous_links=False)) as url:
        page = await browser.new_page()
        await page.goto(f"{url}/docs")
        await page.click(".auth-wrapper .authorize", timeout=60_000)
        await page.fill("#oauth_username", "ada@example.com")
        await page.fill("#oauth_password", "mauve giraffe cycles")
        login = page.locator(".auth-container", has=page.locator("#oauth_username"))
        async with page.expect_response(f"{url}/api/v1/auth/token", timeout=60_000) as logged_in:
            await login.locator("button.authorize").click()
        assert (await logged_in.value).status == 200
        await page.click(".btn-done")
        me = page.locator("#operations-accounts-get_me_api_v1_me_get")
        await me.locator(".opblock-summary-control").click()
        await me.locator(".try-out__btn").click()
        async with page.expect_response(f"{url}/api/v1/me", timeout=60_000) as tried:
            await me.locator(".execute").click()
        assert (await (await tried.value).json())["email"] == "ada@example.com"
