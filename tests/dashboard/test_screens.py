"""What people see in a real browser, on every screen."""

import re

import pytest

from tests.conftest import changed
from tests.dashboard.test_in_browser import PATHS, make, paste, watched
from tests.serving import serving

NARROW = {"width": 320, "height": 640}


@pytest.fixture
def site(settings):
    with serving(changed(settings, base_url="http://127.0.0.1")) as url:
        make(url, code="abc", title="A title", tags=["spring"])
        for n in range(3):
            make(url, code=f"other{n}", url=f"https://{n}.example.com/")
        yield url


async def test_a_browser_that_opens_the_address_of_make_run_sees_a_field_with_the_focus_in_it(browser, site):
    async with watched(browser) as page:
        await page.goto(site)
        assert await page.evaluate("document.activeElement.id") == "url"
        assert await page.is_visible("#url")
        assert page.url == f"{site}/-/"


async def test_a_url_without_scheme_gets_one_that_can_be_seen_before_it_is_sent(browser, site):
    async with watched(browser) as page:
        await page.goto(site)
        await paste(page, "example.com/pasted")
        assert await page.input_value("#url") == "https://example.com/pasted"
        await page.fill("#url", "example.com/typed")
        await page.press("#url", "Tab")
        assert await page.input_value("#url") == "https://example.com/typed"


@pytest.mark.parametrize("typed", ["other1", "is:live other", "tag:spring"])
async def test_what_is_seen_is_in_the_address(browser, site, typed):
    """The address of a search shows the same links to somebody else."""
    rows = "[...document.querySelectorAll('[data-row]')].map((row) => row.dataset.row)"
    async with watched(browser) as page:
        await page.goto(f"{site}/-/links")
        everything = await page.evaluate(rows)
        await page.fill("#q", typed)
        await page.wait_for_url("**q=**")
        address, seen = page.url, await page.evaluate(rows)
    assert 0 < len(seen) < len(everything)
    async with watched(browser) as page:
        await page.goto(address)
        assert await page.evaluate(rows) == seen
        assert await page.input_value("#q") == typed


async def test_no_screen_scrolls_sideways_at_320_pixels_nor_at_400_percent(browser, site):
    """A window of 1280 pixels at 400 percent is 320 pixels wide."""
    async with watched(browser, viewport=NARROW) as page:
        for path in PATHS:
            await page.goto(site + path)
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= NARROW["width"], (path, width)


async def test_the_report_of_a_link_prints_on_one_page(browser, site):
    async with watched(browser) as page:
        await page.goto(f"{site}/-/links/abc")
        for size in ("A4", "Letter"):
            printed = await page.pdf(format=size)
            assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1, size
