"""Every screen in a browser that enforces trusted types."""

import pytest

from tests.dashboard.screens import OPEN_FOLDS, found_by, full_site, reader

__all__ = ["full_site"]

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]


async def test_a_browser_that_enforces_trusted_types_complains_of_nothing_on_any_screen(browser, full_site):
    async with reader(browser, full_site) as page:
        for path in found_by(full_site):
            await page.goto(full_site.url + path)
            await page.evaluate(OPEN_FOLDS)
        await page.goto(f"{full_site.url}/-/links")
        await page.fill("#q", "abc")
        await page.wait_for_url("**q=abc**")
        await page.keyboard.press("Control+k")
        await page.wait_for_selector("#found a")
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{full_site.url}/-/login")
    # The browser does enforce them.
    refused = "() => { try { document.body.innerHTML = '<b>x</b>'; } catch (error) { return error.name; } }"
    assert await page.evaluate(refused) == "TypeError"
    await context.close()
