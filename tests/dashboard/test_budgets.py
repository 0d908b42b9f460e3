"""What pages may cost, as far as it does not depend on the machine. `tests.load.bench_pages` measures the rest."""

import pytest

from tests.dashboard.test_in_browser import PATHS, make, make_many, site, watched
from tests.load.visits import (
    FIRST_BYTES,
    FIRST_REQUESTS,
    FURTHER_BYTES,
    FURTHER_REQUESTS,
    MOST_SHIFT,
    OBSERVE,
    visit_of,
)

__all__ = ["site"]


@pytest.fixture
def full(site):
    """The site with as many links as a page of the list holds."""
    links = [{"url": f"https://example.com/spring/{n}?utm_source=mail", "title": f"Spring {n}"} for n in range(50)]
    make_many(site, links)
    make(site, code="abc", tags=["spring"])
    return site


async def test_a_first_visit_is_within_its_bytes_and_requests(browser, full):
    for path in ("/-/", "/-/login"):
        async with watched(browser) as page:
            await page.add_init_script(OBSERVE)
            await page.goto(full + path, wait_until="networkidle")
            visit = await visit_of(page)
            assert visit.requests <= FIRST_REQUESTS, path
            assert visit.bytes <= FIRST_BYTES, path


async def test_a_further_page_is_one_request(browser, full):
    async with watched(browser) as page:
        await page.add_init_script(OBSERVE)
        await page.goto(f"{full}/-/", wait_until="networkidle")
        for path in ("/-/links", "/-/links/abc", "/-/links/abc/edit", "/-/new"):
            await page.goto(full + path, wait_until="networkidle")
            visit = await visit_of(page)
            print(path, visit)
            assert visit.requests <= FURTHER_REQUESTS, path
            assert visit.bytes <= FURTHER_BYTES, path


@pytest.mark.parametrize("width", [360, 1280])
async def test_nothing_shifts(browser, full, width):
    async with watched(browser, viewport={"width": width, "height": 740}) as page:
        await page.add_init_script(OBSERVE)
        for path in PATHS:
            await page.goto(full + path, wait_until="networkidle")
            assert (await visit_of(page)).shift <= MOST_SHIFT, path
