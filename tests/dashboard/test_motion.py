"""Every screen for people who do not want motion."""

import json
from typing import Any

import pytest

from tests.dashboard.screens import OPEN_FOLDS, Site, full_site, log_in, walk
from tests.dashboard.test_in_browser import watched

__all__ = ["full_site"]

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]


# Notes what moves, from the beginning of each page.
NOTE_MOVES = """
window.moved = [];
const note = (event) => window.moved.push(`${event.type} ${event.target.outerHTML.slice(0, 100)}`);
for (const kind of ["animationstart", "transitionrun"]) document.addEventListener(kind, note, true);
addEventListener("pagereveal", (event) => { if (event.viewTransition) window.moved.push("a transition of pages"); });
for (const name of ["scrollIntoView", "scrollTo", "scrollBy", "animate"]) {
    const own = Element.prototype[name];
    Element.prototype[name] = function (...given) {
        if (name === "animate" || given.some((each) => each?.behavior === "smooth")) window.moved.push(name);
        return own.apply(this, given);
    };
}
"""
MOVING = """() => [...document.querySelectorAll("*")].flatMap((one) => [one, "::before", "::after"].map((part) => {
    const style = part === one ? getComputedStyle(one) : getComputedStyle(one, part);
    const lasts = (times) => times.split(",").some((time) => parseFloat(time) > 0);
    const isMoved = lasts(style.transitionDuration) && style.transitionProperty !== "none";
    const isAnimated = style.animationName !== "none" && lasts(style.animationDuration);
    return isMoved || isAnimated || style.scrollBehavior === "smooth" ? one.outerHTML.slice(0, 100) : null;
})).filter(Boolean)"""


async def moves_of(page: Any) -> list[str]:
    still = await page.evaluate(MOVING)
    pictures = await page.evaluate(
        "[...document.querySelectorAll('animate, animateTransform, animateMotion, marquee')].length"
    )
    return [*still, *await page.evaluate("window.moved"), *["a picture"] * pictures]


async def press_a_button(page: Any, site: Site) -> None:
    """A list that is replaced, what is said then, a menu and a dialog."""
    await page.goto(f"{site.url}/-/help")
    await page.click(".places [href='/-/links']")
    await page.wait_for_url("**/-/links")
    await page.click('[data-row="def"] summary')
    await page.click('[data-row="def"] [data-toggle]')
    await page.wait_for_selector(".toast")
    await page.keyboard.press("j")
    await page.keyboard.press("Control+k")
    await page.wait_for_selector("#found a")


async def test_with_reduced_motion_nothing_moves(browser, full_site):
    moving: dict[str, list[str]] = {}
    async with watched(browser, locale="en") as page:
        await page.add_init_script(NOTE_MOVES)
        async for path in walk(page, full_site):
            await page.evaluate(OPEN_FOLDS)
            if found := await moves_of(page):
                moving[path] = found
        await press_a_button(page, full_site)
        assert await moves_of(page) == []
    assert moving == {}, json.dumps(moving, indent=1)
    # Where people do not mind, something does.
    context = await browser.new_context(reduced_motion="no-preference", locale="en")
    page = await context.new_page()
    await page.add_init_script(NOTE_MOVES)
    await log_in(page, full_site)
    await press_a_button(page, full_site)
    moved = await moves_of(page)
    assert "a transition of pages" in moved
    assert any("toast" in each for each in moved)
    await context.close()
