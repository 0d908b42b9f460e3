"""Every screen for people who use keys: the focus is seen, and goes through the whole page."""

import asyncio
import json
from typing import Any

import pytest

from tests.dashboard.screens import (
    DESKTOP,
    full_site,
    log_in,
    walk,
)
from tests.dashboard.test_in_browser import watched

__all__ = ["full_site"]

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]


# Gives the first element the focus, and notes that and, for each Tab, which one has it then.
FOLLOW_FOCUS = """() => {
    const all = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
    const shown = { visibilityProperty: true, opacityProperty: true };
    const canHave = (one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility(shown);
    const open = document.querySelector("dialog[open]") ?? document;
    const able = () => [...open.querySelectorAll(all)].filter(canHave);
    // Of a group of radio buttons one has the focus.
    const name = (one) => (one.type === "radio" ? one.name : one);
    window.stops = [];
    window.missed = () => {
        const had = new Set(stops.filter((stop) => stop.one).map((stop) => name(stop.one)));
        return able().filter((one) => !had.has(name(one))).map((one) => one.outerHTML.slice(0, 100));
    };
    const note = () => {
        const one = document.activeElement === document.body ? null : document.activeElement;
        const style = one && getComputedStyle(one), box = one?.getClientRects()[0];
        // A table that scrolls shows a part of what is wider than it is.
        const hits = [0.1, 0.5, 0.9].map((part) => box && document.elementFromPoint(
            box.x + box.width * part, box.y + box.height / 2));
        const isOf = (hit) => one.contains(hit) || hit.closest("label")?.control === one;
        stops.push({
            one,
            name: one?.outerHTML.slice(0, 100),
            hasRing: Boolean(one) && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
            isInView: hits.some((hit) => hit && isOf(hit)),
        });
    };
    addEventListener("keyup", (event) => { if (event.key === "Tab") note(); }, true);
    window.scrollTo(0, 0);
    able()[0].focus();
    note();
}"""
# The part of `stops` until the focus leaves the page. Elements that it has not reached by then are lost.
WAY = """() => {
    const end = stops.findIndex((stop) => !stop.one);
    return end < 0 ? null : stops.slice(0, end).map(({ one, ...stop }) => stop);
}"""
# More than the longest screen has.
MOST_STOPS = 400
BETWEEN = 20
TAB = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
PRESS = ("rawKeyDown", "keyUp")


async def faults_of_focus(page: Any) -> list[Any]:
    """The stops of the focus that are not seen, and the elements that it never reaches."""
    await page.evaluate(FOLLOW_FOCUS)
    keys = await page.context.new_cdp_session(page)
    for _ in range(0, MOST_STOPS, BETWEEN):
        # One after the other, without waiting for the answer to each.
        await asyncio.gather(*(keys.send("Input.dispatchKeyEvent", TAB | {"type": kind}) for kind in PRESS * BETWEEN))
        if stops := await page.evaluate(WAY):
            return [stop for stop in stops if not (stop["hasRing"] and stop["isInView"])] + await page.evaluate(
                "missed()"
            )
    raise AssertionError(f"the focus is trapped: {(await page.evaluate('stops'))[-1]}")


@pytest.mark.parametrize("look", [DESKTOP, {"viewport": {"width": 390, "height": 800}}], ids=["wide", "narrow"])
async def test_focus_is_always_visible_never_lost_and_never_trapped(browser, full_site, look):
    faults: dict[str, list[Any]] = {}
    async with watched(browser, locale="en", **look) as page:
        async for path in walk(page, full_site):
            if found := await faults_of_focus(page):
                faults[path] = found
        await page.goto(f"{full_site.url}/-/links")
        await page.keyboard.press("Control+k")
        await page.wait_for_selector("#found a")
        if found := await faults_of_focus(page):
            faults["the palette"] = found
        # The row that a button has changed.
        await page.goto(f"{full_site.url}/-/links")
        await page.focus('[data-row="def"] [data-open]')
        await page.keyboard.press("d")
        await page.wait_for_selector('[data-row="def"]:focus-within .state')
        # The row in the place of one that is gone.
        await page.keyboard.press("#")
        await page.wait_for_selector('[data-row="abc"]:focus-within')
    assert faults == {}, json.dumps(faults, indent=1)


async def test_a_message_that_is_closed_hands_the_focus_on(browser, full_site):
    async with watched(browser, locale="en") as page:
        await log_in(page, full_site)
        await page.goto(f"{full_site.url}/-/links")
        await page.focus('[data-row="def"] [data-open]')
        await page.keyboard.press("d")
        await page.press(".toast [data-close]", "Enter")
        await page.wait_for_selector(".toast", state="detached")
        assert await page.evaluate("document.activeElement.id") == "main"
