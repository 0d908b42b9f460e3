"""Every screen for people who use keys, fingers, strong contrasts, little motion, or another language."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from gettext import NullTranslations
from typing import Any

import pytest
from babel import Locale, dates

from shortener.dashboard import wording
from tests.dashboard.screens import DOORS, OPEN_FOLDS, SENT, Site, full_site, log_in, send
from tests.dashboard.test_in_browser import watched

__all__ = ["full_site"]

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]

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


async def test_a_browser_that_enforces_trusted_types_complains_of_nothing_on_any_screen(browser, full_site):
    async with reader(browser, full_site) as page:
        for path in found_by(full_site):
            await page.goto(full_site.url + path)
            await page.evaluate(OPEN_FOLDS)
        await page.goto(f"{full_site.url}/-/links")
        await page.fill("#q", "abc")
        await page.wait_for_url("**q=abc**")
        await page.keyboard.press("Control+k")
        await page.wait_for_selector("#found a")
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{full_site.url}/-/login")
    # The browser does enforce them.
    refused = "() => { try { document.body.innerHTML = '<b>x</b>'; } catch (error) { return error.name; } }"
    assert await page.evaluate(refused) == "TypeError"
    await context.close()


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


# Boxes without a text that only their colour shows, and lines and areas of pictures.
PAINTED = """() => {
    const shown = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    const ground = (one) => {
        for (let each = one.parentElement; each; each = each.parentElement) {
            const colour = getComputedStyle(each).backgroundColor;
            if (!/, 0\\)$/.test(colour)) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    for (const one of document.querySelectorAll("body *:not(svg *, img, option, dialog *)")) {
        const box = one.getBoundingClientRect(), style = getComputedStyle(one);
        const isPlain = /, 0\\)$/.test(style.backgroundColor) || style.backgroundColor === ground(one);
        // A text that only people hear does not show the box.
        const heard = [...one.querySelectorAll(".hidden")].map((part) => part.textContent).join("").trim();
        const hasText = one.innerText?.trim() && one.innerText.trim() !== heard;
        if (isPlain || !shown(one) || hasText || one.matches("input, select, textarea, label")) continue;
        if (box.width >= 2 && box.height >= 2 && !one.querySelector("svg, img, input")) one.dataset.painted = "box";
    }
    for (const one of document.querySelectorAll("main svg :is(path, rect, line, circle, polyline)")) {
        const style = getComputedStyle(one), box = one.getBoundingClientRect();
        const isThere = style.stroke !== "none" || (style.fill !== "none" && !/, 0\\)$/.test(style.fill));
        if (isThere && shown(one) && box.width + box.height >= 2) one.dataset.painted = "shape";
    }
    return document.querySelectorAll("[data-painted]").length;
}"""
DISAPPEARED = """() => {
    const parts = (colour) => {
        const [r, g, b, a = 1] = colour.match(/-?[\\d.]+(e-?\\d+)?/g).map(Number);
        return colour.startsWith("color(") ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
    };
    const light = (colour) => {
        const linear = (one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
        const [r, g, b] = colour.map((one) => linear(one / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const canvas = document.createElement("p");
    canvas.style.background = "Canvas";
    document.body.append(canvas);
    const ground = parts(getComputedStyle(canvas).backgroundColor);
    canvas.remove();
    const differs = (text, opacity = 1) => {
        if (/^(none|url)/.test(text)) return false;
        const colour = parts(text), share = colour[3] * opacity;
        // What lies behind shines through.
        const seen = light([0, 1, 2].map((n) => colour[n] * share + ground[n] * (1 - share)));
        return (Math.max(seen, light(ground)) + 0.05) / (Math.min(seen, light(ground)) + 0.05) >= 1.5;
    };
    // A border that is not there has no width.
    const hasBorder = (style) => ["Top", "Right", "Bottom", "Left"].some(
        (side) => parseFloat(style[`border${side}Width`]) > 0 && differs(style[`border${side}Color`]));
    // The area below a line says what the line says.
    const isBeside = (one) => one.matches(".area") && one.parentElement.querySelector(".line");
    const found = [];
    for (const one of document.querySelectorAll("[data-painted]")) {
        const style = getComputedStyle(one);
        const isSeen = one.dataset.painted === "shape"
            ? differs(style.stroke, style.strokeOpacity) || differs(style.fill, style.fillOpacity) || isBeside(one)
            : differs(style.backgroundColor) || hasBorder(style);
        if (!isSeen) found.push(one.outerHTML.slice(0, 110));
    }
    return found;
}"""
# What only a ground, a shadow or a gradient sets apart from its neighbours. Forced colours take these away.
MARKED = "[aria-current], [aria-pressed=true], .unread, .at, .marked, .on"
LIKE_OTHERS = """marked => {
    const names = ["color", "outlineStyle", "outlineColor", "fontWeight", "textDecorationLine", "borderColor",
        "borderWidth", "stroke"];
    const look = (one) => names.map((name) => getComputedStyle(one)[name]).join();
    const found = [];
    for (const one of document.querySelectorAll(marked)) {
        const others = [...one.parentElement.children].filter((each) => each.tagName === one.tagName);
        const plain = others.find((each) => !each.matches(marked) && each.className === one.className);
        if (plain && one.checkVisibility() && look(one) === look(plain)) found.push(one.outerHTML.slice(0, 110));
    }
    return found;
}"""


async def test_in_forced_colours_nothing_disappears(browser, full_site):
    gone: dict[str, list[str]] = {}
    painted = {"box": 0, "shape": 0}
    marked = 0
    async with reader(browser, full_site, **DESKTOP) as page:
        for path in found_by(full_site):
            await page.goto(full_site.url + path)
            await page.evaluate(OPEN_FOLDS)
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme, forced_colors="none")
                await page.evaluate(PAINTED)
                await page.emulate_media(color_scheme=scheme, forced_colors="active")
                for one in [*await page.evaluate(DISAPPEARED), *await page.evaluate(LIKE_OTHERS, MARKED)]:
                    gone.setdefault(re.sub(r' title="[^"]*"', "", one), []).append(f"{scheme} {path}")
            for kind in painted:
                painted[kind] += await page.locator(f"[data-painted={kind}]").count()
            marked += await page.locator(MARKED).count()
            await page.emulate_media(forced_colors="none")
    # The hours of the week, and the countries of the map.
    assert painted["box"] > 20
    assert painted["shape"] > 200
    assert marked > 20
    assert gone == {}, json.dumps(gone, indent=1)


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


PLACEHOLDERS = re.compile(r"(%\([a-z_]+\)s|%%|%s|<[^>]+>|&[a-z]+;)")
LETTERS = str.maketrans("aeiouAEIOU", "âêîôûÂÊÎÔÛ")
# Texts between these are data, or names that no language changes.
DATA = "bdi, code, .cut, .detail, .facts.code, kbd, pre, time, svg, script, style, [data-row] .what a, textarea"


def stretched(text: str) -> str:
    """The text with other vowels, and its words 40 percent longer."""
    parts = PLACEHOLDERS.split(text)
    parts[::2] = (re.sub(r"[^\W\d_]+", _longer, part.translate(LETTERS)) for part in parts[::2])
    return "".join(parts)


def _longer(word: re.Match[str]) -> str:
    return word[0] + "~" * (2 * len(word[0]) // 5)


class Stretched(NullTranslations):
    def gettext(self, message: str) -> str:
        return stretched(message)

    def ngettext(self, one: str, many: str, n: int) -> str:
        return stretched(one if n == 1 else many)


def words_of(text: str) -> set[str]:
    """The words that nobody has stretched."""
    found = re.findall(r"[^\W\d_]{3,}~?", re.sub(r"utm_\w+", "", text.lower()))
    return {word for word in found if not re.search("[âêîôû~]", word)}


def known_words() -> set[str]:
    """Words that come from the language's data and not from the catalogue, those of the links and people here, and
    names."""
    german = Locale("de")
    texts = [*german.territories.values(), *german.languages.values(), *map(str, german.territories)]
    texts += [name for form in ("wide", "abbreviated") for name in german.months["format"][form].values()]
    texts += [name for form in ("wide", "abbreviated") for name in german.days["format"][form].values()]
    texts += [dates.format_timedelta(n, locale=german, add_direction=True) for n in (1, 60, 3600, 86_400, -1, -90_000)]
    texts += ["abc def red blue Spring example.com https http ada bob Marketing CI nothing nowhere a.example Redis"]
    texts += ["news.example.com Firefox HeadlessChrome Linux Chrome It asks for my password. @ada, look at this"]
    texts += ["Deutsch English", "API CSV JSON QR SVG PNG PDF UTM UTC", "user:7 link:k7Rm2pX Another"]
    return words_of(" ".join(texts))


# Attributes with texts that the script shows later.
LATER = ["aria-label", "placeholder", "title", "alt", *(f"data-{name}" for name in (
    "copied", "offline", "text", "free", "taken", "reserved", "malformed", "empty", "too-large", "said"))]  # fmt: skip
# What makes the page wider than the window.
OUTSIDE = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const all = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility());
    const wide = all.filter((one) => one.getBoundingClientRect().right > width);
    return wide.map((one) => one.outerHTML.slice(0, 90)).slice(-4);
}"""
ENGLISH = """([data, later]) => {
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const parent = walk.currentNode.parentElement;
        if (parent.closest(data) || !parent.checkVisibility()) continue;
        if (walk.currentNode.data.trim()) found.push(walk.currentNode.data.trim());
    }
    for (const name of later) {
        for (const one of document.querySelectorAll(`[${name}]`)) {
            if (!one.closest(data)) found.push(one.getAttribute(name));
        }
    }
    return [...found, document.title];
}"""


@pytest.fixture
def long_language(monkeypatch) -> Iterator[None]:
    """Instead of each language."""
    monkeypatch.setattr(wording.Wordings, "texts", lambda self, language: Stretched())
    wording._wording.cache_clear()
    yield
    wording._wording.cache_clear()


class Look:
    """Looks at screens in the long language. `wide` and `left` are the faults by screen."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.known = known_words()
        self.wide: dict[str, list[str]] = {}
        self.left: dict[str, tuple[str, str]] = {}

    async def at(self, name: str) -> None:
        """As it is, and with everything open."""
        for width in (320, 1280):
            await self.page.set_viewport_size({"width": width, "height": 700})
            await self._find(f"{name} at {width}")
        await self.page.evaluate(OPEN_ALL)
        await self._find(f"{name} with everything open")

    async def _find(self, name: str) -> None:
        if outside := await self.page.evaluate(OUTSIDE):
            self.wide[name] = outside
        for text in await self.page.evaluate(ENGLISH, [DATA, LATER]):
            if words := words_of(text) - self.known:
                self.left.setdefault(" ".join(sorted(words)), (name, text[:100]))


async def test_nothing_is_left_in_english_and_nothing_overflows_in_the_long_language(long_language, browser, full_site):
    site: Site = full_site
    context = await browser.new_context(locale="de", reduced_motion="reduce")
    look = Look(await context.new_page())
    async for path in walk(look.page, site):
        await look.at(path)
    for path in ("/-/nowhere", "/-/links/nothing"):
        await look.page.goto(site.url + path)
        await look.at(path)
    for form in SENT:
        await send(look.page, site, *form)
        await look.at(f"{form[0]} sent")
    await context.close()
    assert look.wide == {}, json.dumps(look.wide, indent=1, ensure_ascii=False)
    assert look.left == {}, json.dumps(look.left, indent=1, ensure_ascii=False)


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
