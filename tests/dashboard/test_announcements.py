"""Every change for people who hear a page."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.dashboard.screens import full_site, reader

__all__ = ["full_site"]

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]


# Notes what is read aloud: what comes into a region that was there, and alerts.
LISTEN = """
window.said = [];
const REGIONS = "[role=status], [role=alert], [aria-live=polite], [aria-live=assertive]";
const textOf = (node) => (node.textContent ?? "").replace(/\\s+/g, " ").trim();
const listener = new MutationObserver((changes) => {
    // A text that comes and is shown at once is one change.
    const heard = new Map();
    for (const change of changes) {
        const target = change.target.nodeType === 1 ? change.target : change.target.parentElement;
        // What is behind a dialog is silent.
        const dialog = document.querySelector("dialog:modal");
        if (!target?.isConnected || (dialog && !dialog.contains(target))) continue;
        const added = change.type === "childList" ? [...change.addedNodes] : [change.target];
        const isRegion = target.closest(REGIONS);
        if (change.type === "attributes" && (!isRegion || target.hidden || target === isRegion)) continue;
        const alert = "[role=alert]";
        const isAlert = (node) => node.nodeType === 1 && (node.matches(alert) || node.querySelector(alert));
        const isText = added.every((node) => node.nodeType === Node.TEXT_NODE);
        for (const node of isRegion ? added : added.filter(isAlert)) heard.set(isText ? target : node, textOf(node));
    }
    window.said.push(...[...heard.values()].filter(Boolean));
});
// What a page begins with is not read aloud.
addEventListener("DOMContentLoaded", () => {
    const shown = { attributes: true, attributeFilter: ["hidden"] };
    listener.observe(document.body, { childList: true, characterData: true, subtree: true, ...shown });
});
"""
# Longer than everything that is said later.
LATER_MS = 3000


class Ear:
    """Hears what a page says."""

    def __init__(self, page: Any) -> None:
        self.page = page

    async def hears_once(self, text: str) -> None:
        await self.page.wait_for_function("text => window.said.some((said) => said.includes(text))", arg=text)
        await self.page.wait_for_load_state("networkidle")
        await self.page.clock.run_for(LATER_MS)
        said = await self.page.evaluate("window.said")
        assert sum(each.count(text) for each in said) == 1, said
        await self.page.evaluate("window.said = []")


@pytest.fixture
async def ear(browser, full_site) -> AsyncIterator[Ear]:
    async with reader(browser, full_site, permissions=["clipboard-read", "clipboard-write"]) as page:
        await page.clock.install()
        await page.add_init_script(LISTEN)
        yield Ear(page)


async def hears_of_lists(ear: Ear, site: str) -> None:
    row = '[data-row="def"]'
    await ear.page.goto(f"{site}/-/links")
    await ear.page.click(f"{row} .copy")
    await ear.hears_once("Copied")
    for button, said in (("[data-toggle]", "def disabled"), ("[data-toggle]", "def enabled")):
        await ear.page.click(f"{row} summary")
        await ear.page.click(f"{row} {button}")
        await ear.hears_once(said)
    await ear.page.click(f"{row} summary")
    await ear.page.click(f"{row} [data-delete]")
    await ear.hears_once("def deleted")
    # The last change alone.
    assert await ear.page.locator("[data-undo]").count() == 1
    await ear.page.click("[data-undo]")
    await ear.hears_once("def is back")
    await ear.page.fill("#q", "abc")
    await ear.hears_once("1 link")
    await ear.page.check("[data-all]")
    await ear.hears_once("1 selected")
    await ear.page.click("[formaction$=disable]")
    await ear.hears_once("1 link disabled")


async def hears_of_forms(ear: Ear, site: str) -> None:
    for path in ("/-/", "/-/new"):
        await ear.page.goto(f"{site}{path}")
        await ear.page.fill("#code", "abc")
        await ear.page.clock.run_for(LATER_MS)
        await ear.hears_once("This code is taken.")
        await ear.page.fill("#code", "free")
        await ear.page.clock.run_for(LATER_MS)
        await ear.hears_once("This code is free.")
    await ear.page.goto(f"{site}/-/")
    await ear.page.fill("#url", "https://example.com/new")
    await ear.page.fill("#code", "heard")
    await ear.page.keyboard.press("Enter")
    await ear.hears_once("/heard Copied")
    await ear.page.goto(f"{site}/-/links/abc/edit")
    await ear.page.fill("#title", "Summer")
    await ear.page.click("form.editor button.primary")
    await ear.hears_once("saved")


async def hears_of_what_is_found(ear: Ear, site: str) -> None:
    await ear.page.goto(f"{site}/-/links")
    await ear.page.fill("#q", "nothing of this name")
    await ear.page.clock.run_for(LATER_MS)
    await ear.hears_once("Nothing matches")
    await ear.page.goto(f"{site}/-/help")
    await ear.page.keyboard.press("Control+k")
    await ear.page.wait_for_selector("#found a")
    await ear.page.evaluate("window.said = []")
    await ear.page.fill("#any", "nothing of this name")
    await ear.page.clock.run_for(LATER_MS)
    await ear.hears_once("Nothing matches")
    await ear.page.goto(f"{site}/-/links/abc")
    await ear.page.focus("[data-chart]")
    await ear.page.keyboard.press("ArrowLeft")
    await ear.hears_once(await ear.page.locator(".slots rect").last.get_attribute("data-label"))


async def test_every_change_is_announced_once(ear, full_site):
    await hears_of_lists(ear, full_site.url)
    await hears_of_forms(ear, full_site.url)
    await hears_of_what_is_found(ear, full_site.url)
