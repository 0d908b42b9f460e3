"""Every screen under axe, which finds what keeps people with disabilities out."""

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe

from tests.dashboard.screens import DOORS, OPEN_FOLDS, SENT, full_site, log_in, send

__all__ = ["full_site"]

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
# Screens whose menus are opened one by one.
WITH_MENUS = ("/-/links", "/-/links/abc")
LOOKS = (
    {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}, "locale": "en"},
    {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}, "locale": "de"},
)


class Walk:
    """Through all screens in one look. `found` are the faults."""

    def __init__(self, page: Any, site: str, look: str) -> None:
        self.page = page
        self.site = site
        self.look = look
        self.found: list[str] = []

    async def check(self, name: str, **options: Any) -> None:
        results = await Axe().run(self.page, options=RULES | options)
        for violation in results.response["violations"]:
            where = [node["html"][:160] for node in violation["nodes"][:3]]
            self.found.append(f"{self.look} {name}: {violation['id']}: {where}")

    async def open(self, path: str) -> None:
        await self.page.goto(self.site + path)

    async def look_at(self, path: str) -> None:
        """As it is, and with all folds open."""
        await self.open(path)
        await self.check(path)
        if await self.page.locator("details:not([data-menu]):not([open])").count():
            await self.page.evaluate(OPEN_FOLDS)
            await self.check(f"{path} with folds open")

    async def open_menus(self, path: str) -> None:
        await self.open(path)
        menus = self.page.locator("main details[data-menu]:visible")
        assert await menus.count()
        for n in range(await menus.count()):
            await menus.nth(n).evaluate("menu => { menu.open = true; }")
            # What lies below an open menu is smaller than it was, and nobody has to hit it.
            await self.check(f"{path} with menu {n} open", rules={"target-size": {"enabled": False}})
            await menus.nth(n).evaluate("menu => { menu.open = false; }")

    async def press(self, key: str, opened: str) -> None:
        await self.open("/-/help")
        await self.page.keyboard.press(key)
        await self.page.wait_for_selector(opened)
        await self.check(f"after {key}")


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark"])
async def test_axe_finds_nothing_on_any_screen_in_any_state(browser, full_site, look):
    context = await browser.new_context(**look, reduced_motion="reduce")
    walk = Walk(await context.new_page(), full_site.url, look["color_scheme"])
    for path in DOORS:
        await walk.look_at(path)
    await log_in(walk.page, full_site)
    for path in full_site.screens:
        await walk.look_at(path)
    for path in WITH_MENUS:
        await walk.open_menus(path)
    for form in SENT:
        await send(walk.page, full_site, *form)
        await walk.check(f"{form[0]} sent")
    await walk.press("Control+k", "#found a")
    await walk.press("?", "#shortcuts .keys")
    await context.close()
    assert walk.found == [], "\n".join(walk.found)
