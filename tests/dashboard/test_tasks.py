"""The cost of people's tasks, as the table in docs/dashboard.md promises it: a click, a chord of keys and a paste count
one each, typing a text counts nothing.

Each task is played with the mouse, with the keys alone, and without a script. The cursor stands on the link already
where a task begins with one.
"""

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio

from shortener.accounts.commands import create_user
from shortener.stores.redis import create_redis
from tests.accounts.conftest import EMAIL, PASSWORD
from tests.browsing import chromium
from tests.conftest import CHROME, changed, eventually, own_database, plain_settings
from tests.dashboard.conftest import OWN
from tests.dashboard.test_in_browser import watched_page
from tests.serving import PATIENCE_S, serving
from tests.test_docs import ROOT, rows

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]

CLIPBOARD = ["clipboard-read", "clipboard-write"]
MOUSE, KEYS, PLAIN = "mouse", "keys", "without a script"


# The most actions that each task may take, by the number of the task and by its means.
TABLE = {
    number: {means: int(most) for means, most in zip((MOUSE, KEYS, PLAIN), numbers, strict=True) if most != "–"}
    for number, _, *numbers, _ in rows(ROOT / "docs/dashboard.md", r"T\d+")
}


class Play(NamedTuple):
    """How a task is played, and how many actions it may take."""

    means: str
    most: int


class Hand:
    """Acts in a page as a person does, and counts."""

    def __init__(self, page, site: "Site", play: Play) -> None:
        self.page = page
        self.site = site
        self.means = play.means
        # A code that no other play has, nor another try of the same one.
        self.name = f"a-{secrets.token_hex(4)}"
        self._left = play.most

    def _count(self, action: str) -> None:
        self._left -= 1
        assert self._left >= 0, f"{action!r} is one action too many"

    async def _has_cursor(self) -> None:
        """Wait for the cursor in a field. A page that was just loaded puts it there a moment later."""
        await self.page.wait_for_function("document.activeElement?.matches('input, textarea')")

    async def open(self, path: str, at: str | None = None) -> None:
        """Begin here, with the cursor on this row of a list."""
        await self.page.goto(self.site.url + path)
        if at is not None and self.means == KEYS:
            await self.page.keyboard.press("j")
            assert await self.page.evaluate("document.activeElement.closest('[data-row]').dataset.row") == at

    async def click(self, selector: str) -> None:
        self._count(selector)
        await self.page.click(selector)

    async def press(self, chord: str) -> None:
        self._count(chord)
        await self.page.keyboard.press(chord)

    async def paste(self, text: str) -> None:
        self._count("paste")
        await self._has_cursor()
        await self.site.clipboard.evaluate("text => navigator.clipboard.writeText(text)", text)
        await self.page.keyboard.press("Control+V")

    async def type(self, text: str) -> None:
        await self._has_cursor()
        await self.page.keyboard.type(text)

    async def do(self, *, mouse: str | tuple[str, ...], keys: str | tuple[str, ...]) -> None:
        """Click these with a mouse, or press these keys."""
        means, act = (keys, self.press) if self.means == KEYS else (mouse, self.click)
        for each in (means,) if isinstance(means, str) else means:
            await act(each)

    async def sees(self, selector: str) -> None:
        await self.page.wait_for_selector(selector)

    async def has_copied(self, text: str) -> None:
        async def is_there() -> bool:
            return await self.site.clipboard.evaluate("navigator.clipboard.readText()") == text

        await eventually(is_there)


class Site(NamedTuple):
    """An app with Ada, who is an administrator and works in a workspace with others. `clipboard` is a page that
    writes and reads what is copied."""

    url: str
    ada: httpx.Client
    clipboard: Any

    def make(self, code: str, url: str = "https://example.com/") -> str:
        """The code of a new link."""
        answer = self.ada.post("/-/links", data={"url": url, "code": code})
        assert answer.status_code == 303, answer.text
        return code

    def state(self) -> dict[str, Any]:
        """Ada's login, as a context of the browser takes it."""
        place = {"domain": "127.0.0.1", "path": "/-/", "expires": -1, "secure": False, "sameSite": "Lax"}
        cookies = [
            {"name": name, "value": value, "httpOnly": True, **place} for name, value in self.ada.cookies.items()
        ]
        return {"cookies": cookies, "origins": []}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Any]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(browser, servers) -> AsyncIterator[Site]:
    async with own_database(servers) as database_url:
        redis = create_redis(servers.redis_url)
        await redis.flushall()
        await redis.aclose()
        options = {"base_url": "http://127.0.0.1", "anonymous_links": False, "anonymous_manage": False}
        settings = changed(plain_settings(database_url, servers.redis_url), **options)
        await create_user(settings, EMAIL, PASSWORD, is_admin=True)
        with (
            serving(settings) as url,
            httpx.Client(base_url=url, headers=OWN | {"User-Agent": CHROME}, timeout=PATIENCE_S) as ada,
        ):
            ada.post("/-/login", data={"email": EMAIL, "password": PASSWORD})
            place = ada.post("/-/workspaces", data={"name": "Marketing"}).headers["location"]
            ada.get("/-/switch", params={"workspace": place.rpartition("/")[2]})
            context = await browser.new_context(permissions=CLIPBOARD)
            clipboard = await context.new_page()
            await clipboard.goto(f"{url}/-/login")
            yield Site(url, ada, clipboard)
            await context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def contexts(browser, site) -> AsyncIterator[dict[bool, Any]]:
    """Ada's browser with scripts, and without."""
    options = {"storage_state": site.state(), "permissions": CLIPBOARD, "locale": "en", "reduced_motion": "reduce"}
    contexts = {scripts: await browser.new_context(java_script_enabled=scripts, **options) for scripts in (True, False)}
    yield contexts
    for context in contexts.values():
        await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def hand(request, contexts, site) -> AsyncIterator[Hand]:
    play: Play = request.param
    async with watched_page(contexts[play.means != PLAIN]) as page:
        yield Hand(page, site, play)


Task = Callable[[Hand], Awaitable[None]]
TASKS: dict[str, Task] = {}


def task(number: str) -> Callable[[Task], Task]:
    """The function plays this task of the table."""

    def add(play: Task) -> Task:
        assert number not in TASKS
        TASKS[number] = play
        return play

    return add


@task("T1")
async def a_link_is_made_and_is_in_the_clipboard(hand):
    await hand.open("/-/")
    await hand.paste("https://en.wikipedia.org/wiki/URL_shortening")
    await hand.do(mouse="text=Shorten", keys="Enter")
    made = await hand.page.get_attribute("[data-made]", "data-made")
    if hand.means != PLAIN:
        await hand.has_copied(made)


@task("T2")
async def a_link_is_made_with_a_chosen_code(hand):
    await hand.open("/-/")
    await hand.paste("https://example.com/")
    await hand.do(mouse="#code", keys="Tab")
    await hand.type(f"chosen-{hand.name}")
    await hand.do(mouse="text=Shorten", keys="Enter")
    await hand.sees(f'[data-made$="/chosen-{hand.name}"]')


@task("T3")
async def a_link_on_the_screen_is_copied(hand):
    code = hand.site.make(f"copied-{hand.name}")
    await hand.open(f"/-/links?q={code}", at=code)
    await hand.do(mouse=f'[data-row="{code}"] .copy', keys="c")
    await hand.has_copied(f"{hand.site.url}/{code}")


@task("T4")
async def a_link_is_found_by_a_part_of_where_it_leads(hand):
    found = hand.site.make(f"found-{hand.name}", f"https://example.com/needle-{hand.name}")
    other = hand.site.make(f"other-{hand.name}")
    await hand.open("/-/links")
    await hand.sees(f'[data-row="{other}"]')
    await hand.do(mouse="#q", keys="/")
    await hand.type(f"needle-{hand.name}")
    if hand.means == PLAIN:
        await hand.press("Enter")
    await hand.page.wait_for_selector(f'[data-row="{other}"]', state="detached")
    await hand.sees(f'[data-row="{found}"]')


@task("T5")
async def figures_are_opened_from_the_list(hand):
    code = hand.site.make(f"figures-{hand.name}")
    await hand.open(f"/-/links?q={code}", at=code)
    await hand.do(mouse=f'[data-row="{code}"] .clicks', keys="Enter")
    await hand.page.wait_for_url(f"{hand.site.url}/-/links/{code}")


@task("T6")
async def figures_of_last_month_are_shown(hand):
    await hand.open(f"/-/links/{hand.site.make(f'month-{hand.name}')}")
    await hand.do(mouse=("summary:has-text('30 days')", "[data-key='7']"), keys="7")
    await hand.sees("summary:has-text('Last month')")


@task("T7")
async def figures_are_compared_with_the_span_before(hand):
    await hand.open(f"/-/links/{hand.site.make(f'compare-{hand.name}')}")
    await hand.do(mouse=("summary:has-text('Compare')", "a:visible:has-text('With the span before')"), keys="x")
    await hand.sees("summary:has-text('With the span before')")


@task("T8")
async def a_link_is_led_elsewhere(hand):
    code = hand.site.make(f"changed-{hand.name}")
    await hand.open(f"/-/links/{code}")
    await hand.do(mouse="[data-edit]", keys="e")
    await hand.page.wait_for_url("**/edit")
    if hand.means == PLAIN:
        await hand.press("Control+A")
    await hand.paste("https://example.com/elsewhere")
    await hand.press("Enter")
    await hand.sees(f"text={code} saved")
    assert hand.site.ada.get(f"/-/links/{code}/edit").text.count('value="https://example.com/elsewhere"') == 1


@task("T9")
async def a_link_is_taken_down_and_that_is_undone(hand):
    code = hand.site.make(f"down-{hand.name}")
    await hand.open(f"/-/links?q={code}", at=code)
    await hand.do(mouse=(f'[data-row="{code}"] summary', "[data-toggle]"), keys="d")
    await hand.sees(f"text={code} disabled")
    await hand.do(mouse="[data-undo]", keys="u")
    await hand.sees(f"text={code} enabled")


@task("T10")
async def fifty_links_of_a_search_are_deleted_and_that_is_undone(hand):
    lines = "\n".join(f"https://example.com/fifty-{hand.name}/{n}" for n in range(50))
    assert hand.site.ada.post("/-/import/make", data={"text": lines}).status_code == 303
    await hand.open(f"/-/links?q=fifty-{hand.name}")
    await hand.do(mouse="[name='all']" if hand.means == PLAIN else "[data-all]", keys="*")
    await hand.do(mouse="#bulk .danger", keys="Delete")
    await hand.sees("text=50 links deleted")
    assert await hand.page.locator("[data-row]").count() == 0
    await hand.do(mouse="[data-undo]", keys="u")
    await hand.sees("text=50 links are back")
    assert await hand.page.locator("[data-row]").count() == 50


@task("T11")
async def a_qr_code_is_saved_as_a_file_for_print(hand):
    code = hand.site.make(f"code-{hand.name}")
    await hand.open(f"/-/links/{code}")
    await hand.do(mouse="[data-qr]", keys="q")
    await hand.sees("[data-download]")
    async with hand.page.expect_download() as saved:
        await hand.do(mouse="[data-download]", keys="Enter")
    assert (await saved.value).suggested_filename.endswith(".svg")


@task("T12")
async def two_hundred_links_are_made_of_a_list(hand):
    await hand.open("/-/")
    if hand.means == PLAIN:
        await hand.click("summary:has-text('Options')")
        await hand.click("main >> text=Many at once")
    await hand.paste("\n".join(f"https://example.com/{n}" for n in range(200)))
    if hand.means == PLAIN:
        await hand.click("text=Check the list")
    await hand.sees("text=200 links can be made")
    await hand.do(mouse="#list .primary", keys="Enter")
    await hand.sees("text=200 links made")


@task("T13")
async def a_key_that_ends_in_ninety_days_is_made(hand):
    await hand.open("/-/")
    await hand.do(mouse=(".own summary", ".own >> text=API keys"), keys=("Escape", "g", "k"))
    await hand.page.wait_for_url("**/-/keys")
    assert await hand.page.input_value("#days") == "90"
    await hand.type(hand.name)
    await hand.press("Enter")
    await hand.sees(f"text=The key “{hand.name}” is ready")


@task("T14")
async def a_colleague_is_invited_as_editor(hand):
    await hand.open("/-/")
    if hand.means == KEYS:
        await hand.press("Control+K")
        await hand.type("members")
        await hand.press("Enter")
    else:
        await hand.click(".switcher summary")
        await hand.click(".switcher >> text=Members")
    await hand.page.wait_for_url("**/-/workspaces/*")
    await hand.type(f"{hand.name}@example.com")
    assert await hand.page.input_value("#role") == "editor"
    await hand.press("Enter")
    await hand.sees(f"text=The invitation for {hand.name}@example.com is ready")


@task("T15")
async def a_report_is_answered_and_the_next_one_is_at_hand(hand):
    for code in (f"first-{hand.name}", f"second-{hand.name}"):
        report = {"code": hand.site.make(code), "reason": "phishing"}
        assert httpx.post(f"{hand.site.url}/api/v1/reports", json=report, timeout=PATIENCE_S).status_code == 202
    await hand.open("/-/admin/reports")
    waiting = int(re.findall(r"\d+", await hand.page.inner_text(".count"))[0])
    async with hand.page.expect_popup() as looked_at:
        await hand.do(mouse="[data-look] >> nth=0", keys="o")
    assert (await looked_at.value).url.endswith("+")
    await hand.page.bring_to_front()
    await hand.do(mouse=("[data-ban] summary >> nth=0", "[data-ban][open] button"), keys=("b", "Enter"))
    await hand.sees("text=Link banned")
    assert str(waiting - 1) in await hand.page.inner_text(".count")
    if hand.means == KEYS:
        assert await hand.page.evaluate("document.activeElement === document.querySelector('[data-look]')")


def by(means: str) -> pytest.MarkDecorator:
    """Each task of the table that can be done by these means, and its limit."""
    plays = [(number, Play(means, most[means])) for number, most in TABLE.items() if means in most]
    return pytest.mark.parametrize(("number", "hand"), plays, ids=[number for number, _ in plays], indirect=["hand"])


@by(MOUSE)
async def test_each_task_takes_no_more_actions_than_the_table_says(hand, number):
    await TASKS[number](hand)


@by(KEYS)
async def test_each_task_takes_no_more_actions_than_the_table_says_and_none_needs_a_mouse(hand, number):
    await TASKS[number](hand)


@by(PLAIN)
async def test_each_task_takes_no_more_actions_than_the_table_says_and_each_but_copying_works_without_a_script(
    hand, number
):
    await TASKS[number](hand)


async def test_the_table_has_each_task_that_is_played():
    assert TABLE.keys() == TASKS.keys() == {f"T{number}" for number in range(1, 16)}
    assert all(KEYS in most and MOUSE in most for most in TABLE.values())
    assert [number for number, most in TABLE.items() if PLAIN not in most] == ["T3"]
