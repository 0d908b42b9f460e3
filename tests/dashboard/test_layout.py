"""Things stand where eyes look for them."""

import pytest

from tests.conftest import changed
from tests.dashboard.screens import DESKTOP, OPEN_ALL, PHONE, found_by, full_site, reader
from tests.dashboard.test_in_browser import make, watched
from tests.serving import serving

__all__ = ["full_site"]

# Icons that stand before words, and those of them that are above or below these.
ICONS = """
[...document.querySelectorAll('main svg.icon, main svg.dot')].map((icon) => {
    const range = document.createRange();
    const next = icon.nextSibling;
    if (next?.textContent.trim() && !['P', 'DIV'].includes(next.tagName)) range.selectNode(next);
    const [place, words] = [icon, range].map((each) => each.getBoundingClientRect());
    return { icon, place, words, is_seen: place.height && words.width > 1 };
}).filter((each) => each.is_seen)
"""
STACKED = f"""
{ICONS}.filter(({{ icon, place, words }}) => !icon.closest('.empty') && (place.bottom <= words.top ||
    words.bottom <= place.top)).map((each) => each.icon.parentElement.outerHTML.slice(0, 200))
"""
# The share of a row of figures that its label gets.
LABEL = """
(() => { const [label, number] = document.querySelector('.bars tr').cells;
return label.offsetWidth / (label.offsetWidth + number.offsetWidth); })()
"""


async def test_icons_stand_beside_their_words_on_every_screen(browser, full_site):
    seen = 0
    async with reader(browser, full_site, **DESKTOP) as page:
        for path in found_by(full_site):
            await page.goto(full_site.url + path)
            await page.evaluate(OPEN_ALL)
            seen += await page.evaluate(f"{ICONS}.length")
            assert (path, await page.evaluate(STACKED)) == (path, [])
    assert seen > 100


async def test_labels_of_figures_get_the_width_that_numbers_leave(browser, full_site):
    async with reader(browser, full_site, **DESKTOP) as page:
        await page.goto(f"{full_site.url}/-/links/abc")
        assert await page.evaluate(LABEL) > 0.6


@pytest.mark.parametrize("look", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_the_button_that_copies_stands_beside_the_longest_code(browser, settings, look):
    with serving(changed(settings, base_url="http://127.0.0.1")) as url:
        make(url, code="a" * 64)
        async with watched(browser, **look) as page:
            await page.goto(f"{url}/-/links")
            code, button = [await page.locator(f"[data-row] {each}").bounding_box() for each in (".short", ".copy")]
            assert code["x"] + code["width"] <= button["x"] + 6
            assert abs(button["y"] + button["height"] / 2 - code["y"] - code["height"] / 2) < 4
