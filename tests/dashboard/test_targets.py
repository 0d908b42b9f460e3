"""Every screen for fingers, and for hands that tremble."""

import json

import pytest

from tests.dashboard.screens import DESKTOP, OPEN_ALL, PHONE, full_site, walk
from tests.dashboard.test_in_browser import watched

__all__ = ["full_site"]

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]


SMALL = """least => {
    const found = [];
    const all = "a[href], button, input:not([type=hidden]), select, textarea, summary";
    for (const one of document.querySelectorAll(all)) {
        if (!one.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
        // A label is a part of its control's target.
        const parts = [one, ...(one.labels ?? [])].map((part) => part.getBoundingClientRect());
        const [width, height] = [Math.max(...parts.map((p) => p.width)), Math.max(...parts.map((p) => p.height))];
        // WCAG 2.5.8 leaves out links in sentences; .hidden is for people who hear a page.
        const text = one.parentElement.innerText.trim();
        const isInSentence = getComputedStyle(one).display === "inline" && text.length > one.innerText.trim().length;
        if (isInSentence || one.closest(".hidden, .skip") || width < 2 || height < 2) continue;
        if (width + 0.5 < least || height + 0.5 < least) {
            found.push(`${Math.round(width)}x${Math.round(height)} ${one.outerHTML.slice(0, 110)}`);
        }
    }
    return found;
}"""


@pytest.mark.parametrize(("look", "least"), [(DESKTOP, 24), (PHONE, 44)], ids=["mouse", "touch"])
async def test_every_target_is_at_least_24_pixels_and_44_on_touch(browser, full_site, look, least):
    small: dict[str, list[str]] = {}
    async with watched(browser, locale="en", **look) as page:
        async for path in walk(page, full_site):
            await page.evaluate(OPEN_ALL)
            for one in await page.evaluate(SMALL, least):
                small.setdefault(one, []).append(path)
    assert small == {}, json.dumps(small, indent=1)
