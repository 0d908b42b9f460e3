"""Every screen for people who use keys: the focus is seen, and goes through the whole page."""

import asyncio
import json
from typing import Any

import pytest

from tests.dashboard.screens import (
    DESKTOP,
    full_site,
    walk,
)
from tests.dashboard.test_in_browser import watched

__all__ = ["full_site"]

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]


# Notes, for each Tab, which element has the focus then.
FOLLOW_FOCUS = """() => {
    const all = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
    const shown = { visibilityProperty: true, opacityProperty: true };
    const canHave = (one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility(shown);
    window.stops = [];
    // The browser's own turn, between the last element and the first, takes a while.
    let first;
    addEventListener("focusin", (event) => { if (event.target.matches(".skip")) first = event.target; });
    // Of a group of radio buttons one has the focus.
    const name = (one) => (one.type === "radio" ? one.name : one);
    window.missed = () => {
        const had = new Set(stops.filter((stop) => stop.one).map((stop) => name(stop.one))).add(first);
        const open = document.querySelector("dialog[open]") ?? document;
        const lost = [...open.querySelectorAll(all)].filter((one) => canHave(one) && !had.has(name(one)));
        return lost.map((one) => one.outerHTML.slice(0, 100));
    };
    addEventListener("keyup", (event) => {
        if (event.key !== "Tab") return;
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
    }, true);
    document.activeElement?.blur();
    window.scrollTo(0, 0);
}"""
# The part of `stops` until the focus is where it was first.
ROUND = """() => {
    const again = stops.findIndex((stop, n) => n && stop.one === stops[0].one && stops[n - 1].one !== stop.one);
    return again < 0 ? null : stops.slice(0, again).map(({ one, ...stop }) => stop);
}"""
# More than the longest screen has.
MOST_STOPS = 400
BETWEEN = 20
TAB = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
PRESS = ("rawKeyDown", "keyUp")


async def round_of(page: Any) -> list[dict[str, Any]]:
    """The stops of the focus, one for each press of Tab, until it comes round."""
    await page.evaluate(FOLLOW_FOCUS)
    keys = await page.context.new_cdp_session(page)
    for _ in range(0, MOST_STOPS, BETWEEN):
        # One after the other, without waiting for the answer to each.
        await asyncio.gather(*(keys.send("Input.dispatchKeyEvent", TAB | {"type": kind}) for kind in PRESS * BETWEEN))
        if stops := await page.evaluate(ROUND):
            return stops
    raise AssertionError(f"the focus is trapped: {(await page.evaluate('stops'))[-1]}")


async def faults_of_focus(page: Any) -> list[Any]:
    stops = await round_of(page)
    faults: list[Any] = [stop for stop in stops if stop.get("name") and not (stop["hasRing"] and stop["isInView"])]
    # Behind the last element it leaves the page once.
    if [stop.get("name") for stop in stops].count(None) > 1:
        faults.append("it is lost between two elements")
    return [*faults, *await page.evaluate("missed()")]


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
