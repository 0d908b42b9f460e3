"""Every screen under axe, which finds what keeps people with disabilities out."""

import re
from typing import Any

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe

from tests.accounts.conftest import EMAIL, PASSWORD
from tests.conftest import changed
from tests.dashboard.conftest import OWN
from tests.serving import PATIENCE_S, serving

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
DOORS = ("/-/login", "/-/register", "/-/join", "/-/report", "/-/nowhere")
SCREENS = (
    "/-/", "/-/?made=abc", "/-/links", "/-/links?q=nothing", "/-/links/abc", "/-/links/abc/edit", "/-/links/abc/qr",
    "/-/links/abc/clicks", "/-/new", "/-/import", "/-/tags", "/-/tags/red", "/-/domains", "/-/keys", "/-/account",
    "/-/workspaces", "{workspace}", "/-/join", "/-/help", "/-/admin/reports", "/-/admin/bans", "/-/admin/links",
    "/-/admin/users", "/-/admin/audit", "/-/admin/audit?actor=nobody", "/-/admin/system", "/-/links/nothing",
    "/-/notifications", "/-/links/abc/comments", "/-/links/abc?value=devices:&with=def&with=nowhere",
    "/-/links/abc/values/countries", "/-/links/abc/values/referrers?q=nothing", "/-/tags/red/edit", "/-/preferences",
    "/-/links?q=is:deleted", "/-/palette?q=abc", "/abc/stats",
)  # fmt: skip
# Forms: the page, the texts that are typed, and the button that sends them.
SENT: tuple[tuple[str, dict[str, str], str], ...] = (
    ("/-/new", {"#url": "nonsense", "#code": "x"}, "form.editor button.primary"),
    ("/-/links/abc/edit", {"#url": "http://"}, "form.editor button.primary"),
    ("/-/keys", {"#name": "Another"}, "form.panel button.primary"),
    ("/-/import", {"#text": "https://example.com/1\nnonsense"}, "main button.primary"),
    ("{workspace}", {"#email": "bob@example.com"}, "form[action*=invitations] button.primary"),
    ("/-/report", {"#link": "https://elsewhere.example/x"}, "main button.primary"),
)
OPEN_FOLDS = "document.querySelectorAll('details:not([data-menu])').forEach((each) => { each.open = true; })"
# Screens whose menus are opened one by one.
WITH_MENUS = ("/-/links", "/-/links/abc")
LOOKS = (
    {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}, "locale": "en"},
    {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}, "locale": "de"},
)


def fill(site: str) -> str:
    """Something for each screen to show; the path of a workspace."""
    with httpx.Client(base_url=site, headers=OWN, timeout=PATIENCE_S) as ada:
        entered = {"email": EMAIL, "password": PASSWORD}
        ada.post("/-/login", data=entered)
        link = {"url": "https://example.com/", "code": "abc", "title": "Spring", "tags": "red, blue"}
        assert ada.post("/-/new", data=link | {"is_whole": "1", "public_stats": "1"}).status_code == 303
        assert ada.post("/-/links", data={"url": "https://example.com/", "code": "def"}).status_code == 303
        ada.post("/api/v1/reports", json={"code": "abc", "reason": "phishing", "comment": "It asks for my password."})
        ada.post("/-/admin/bans", data={"kind": "host", "value": "a.example", "reason": "x", "sure": "a.example"})
        ada.post("/-/keys", data={"name": "CI", "scope": "links:read", "days": "30"})
        path: str = ada.post("/-/workspaces", data={"name": "Marketing"}).headers["location"]
        ada.post(f"{path}/invitations", data={"email": "bob@example.com", "role": "editor"})
        ada.post("/-/links/abc/comments", data={"text": "@ada, look at this"})
        return path


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

    async def log_in(self) -> None:
        await self.open("/-/login")
        await self.page.fill("#email", EMAIL)
        await self.page.fill("#password", PASSWORD)
        await self.page.click("main button.primary")
        await self.page.wait_for_url(re.compile(r"/-/$"))

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

    async def send(self, path: str, typed: dict[str, str], button: str) -> None:
        await self.open(path)
        await self.page.evaluate(OPEN_FOLDS)
        for field, text in typed.items():
            await self.page.fill(field, text)
        if await self.page.locator("[name=reason]").count():
            await self.page.check("[name=reason] >> nth=0")
        async with self.page.expect_navigation():
            await self.page.click(button)
        await self.check(f"{path} sent")

    async def press(self, key: str, opened: str) -> None:
        await self.open("/-/help")
        await self.page.keyboard.press(key)
        await self.page.wait_for_selector(opened)
        await self.check(f"after {key}")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark"])
async def test_axe_finds_nothing_on_any_screen_in_any_state(browser, settings, database, look):
    options = {"base_url": "http://127.0.0.1", "registration": "open", "anonymous_links": False}
    with serving(changed(settings, **options)) as site:
        httpx.post(f"{site}/-/register", data={"email": EMAIL, "password": PASSWORD}, headers=OWN)
        async with database.driver_connection() as connection:
            await connection.execute("UPDATE users SET is_admin = true")
        workspace = fill(site)
        context = await browser.new_context(**look, reduced_motion="reduce")
        walk = Walk(await context.new_page(), site, look["color_scheme"])
        for path in DOORS:
            await walk.look_at(path)
        await walk.log_in()
        for path in SCREENS:
            await walk.look_at(path.format(workspace=workspace))
        for path in WITH_MENUS:
            await walk.open_menus(path)
        for path, typed, button in SENT:
            await walk.send(path.format(workspace=workspace), typed, button)
        await walk.press("Control+k", "#found a")
        await walk.press("?", "#shortcuts .keys")
        await context.close()
        assert walk.found == [], "\n".join(walk.found)
