"""All screens of the dashboard with something on each, and an administrator's login: for tests of what people see."""

import contextlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from shortener.clicks.event import new_batch
from shortener.settings import Settings
from shortener.stores.database import Database
from tests.accounts.conftest import EMAIL, PASSWORD
from tests.clicks.make import click, rows_of, write
from tests.conftest import changed
from tests.dashboard.conftest import OWN
from tests.dashboard.test_in_browser import watched
from tests.serving import PATIENCE_S, serving

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


class Site(NamedTuple):
    """`workspace` is the path of one that has members, links and invitations."""

    url: str
    workspace: str

    @property
    def screens(self) -> list[str]:
        """The paths of all screens but the doors."""
        return [path.format(workspace=self.workspace) for path in SCREENS]


@pytest.fixture
async def full_site(settings: Settings, database: Database) -> AsyncIterator[Site]:
    options = {"base_url": "http://127.0.0.1", "registration": "open", "anonymous_links": False}
    with serving(changed(settings, **options)) as url:
        httpx.post(f"{url}/-/register", data={"email": EMAIL, "password": PASSWORD}, headers=OWN, timeout=PATIENCE_S)
        async with database.driver_connection() as connection:
            await connection.execute("UPDATE users SET is_admin = true")
        site = Site(url, _fill(url))
        await _follow(database)
        yield site


def _fill(site: str) -> str:
    """Make something for each screen to show, and return the path of a workspace."""
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


async def _follow(database: Database) -> None:
    """Charts, bars, the map and the hours of the week have something to show."""
    [(number,)] = await rows_of(database, "SELECT id FROM links WHERE code = 'abc'")
    now = datetime.now(UTC)
    clicks = [
        click(number, now - timedelta(hours=7 * n), referrer="https://news.example.com/", address=address)
        for n in range(8)
        for address in ("193.0.6.139", "203.0.113.7")[: 1 + n % 2]
    ]
    await write(database, new_batch(clicks))


async def log_in(page: Any, site: Site) -> None:
    """Log in as Ada, who is an administrator."""
    await page.goto(f"{site.url}/-/login")
    await page.fill("#email", EMAIL)
    await page.fill("#password", PASSWORD)
    await page.click("main button.primary")
    await page.wait_for_url(re.compile(r"/-/$"))


async def send(page: Any, site: Site, path: str, typed: dict[str, str], button: str) -> None:
    """Fill in the form of this page, and send it."""
    await page.goto(site.url + path.format(workspace=site.workspace))
    await page.evaluate(OPEN_FOLDS)
    for field, text in typed.items():
        await page.fill(field, text)
    if await page.locator("[name=reason]").count():
        await page.check("[name=reason] >> nth=0")
    async with page.expect_navigation():
        await page.click(button)


PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}


def found_by(site: Site) -> list[str]:
    """The screens that are there: a browser complains of others."""
    return ["/-/report", *(path for path in site.screens if path != "/-/links/nothing")]


# Folds, menus and dialogs.
OPEN_ALL = """() => {
    document.querySelectorAll("details").forEach((one) => { one.open = true; });
    document.querySelectorAll("dialog:not([open])").forEach((one) => one.show());
}"""


@contextlib.asynccontextmanager
async def reader(browser, site: Site, **look: Any) -> AsyncIterator[Any]:
    """A page in which an administrator is logged in."""
    async with watched(browser, **{"locale": "en"} | look) as page:
        await log_in(page, site)
        yield page


async def walk(page: Any, site: Site) -> AsyncIterator[str]:
    """The page shows one screen after the other: the doors, and then the screens of an administrator."""
    for path in DOORS:
        if path != "/-/nowhere":
            await page.goto(site.url + path)
            yield path
    await log_in(page, site)
    for path in found_by(site):
        await page.goto(site.url + path)
        yield path
