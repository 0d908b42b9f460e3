"""Every screen for people who use keys, fingers, strong contrasts, little motion, or another language."""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from gettext import NullTranslations
from typing import Any

import pytest
from babel import Locale, dates

from shortener.dashboard import wording
from tests.dashboard.screens import OPEN_FOLDS, Site, full_site, log_in
from tests.dashboard.test_in_browser import watched

__all__ = ["full_site"]

pytestmark = pytest.mark.timeout(300)

PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}


def found_by(site: Site) -> list[str]:
    """The screens that are there: a browser complains of others."""
    return ["/-/report", *(path for path in site.screens if path != "/-/links/nothing")]


@contextlib.asynccontextmanager
async def reader(browser, site: Site, **look: Any) -> AsyncIterator[Any]:
    """A page in which an administrator is logged in."""
    async with watched(browser, **{"locale": "en"} | look) as page:
        await log_in(page, site)
        yield page


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


FOCUSED = """() => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const style = getComputedStyle(one), box = one.getClientRects()[0];
    const hit = box && document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return {
        name: one.outerHTML.slice(0, 100),
        hasRing: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        isInView: Boolean(hit) && (one.contains(hit) || hit.contains(one) || hit.closest("label")?.control === one),
    };
}"""
# More than the longest screen has.
MOST_STOPS = 400


async def stops_of(page: Any) -> list[dict[str, Any]]:
    """The elements that have the focus after each press of Tab, from the beginning of a page until it ends there."""
    found: list[dict[str, Any]] = []
    await page.evaluate("() => { document.activeElement?.blur(); window.scrollTo(0, 0); }")
    for _ in range(MOST_STOPS):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(FOCUSED)
        if focused is None:
            return found
        found.append(focused)
    raise AssertionError(f"the focus is trapped at {found[-1]['name']}")


async def test_focus_is_always_visible_never_lost_and_never_trapped(browser, full_site):
    faults = []
    async with reader(browser, full_site, **DESKTOP) as page:
        for path in found_by(full_site):
            await page.goto(full_site.url + path)
            stops = await stops_of(page)
            assert len(stops) > 3, path
            faults += [(path, stop) for stop in stops if not (stop["hasRing"] and stop["isInView"])]
    assert faults == [], json.dumps(faults, indent=1)


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
    async with reader(browser, full_site, **look) as page:
        for path in found_by(full_site):
            await page.goto(full_site.url + path)
            await page.evaluate(OPEN_FOLDS)
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
        if (isPlain || !shown(one) || one.innerText?.trim() || one.matches("input, select, textarea, label")) continue;
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
    const light = (colour) => {
        const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
        const linear = [r, g, b].map((one) => ((one / 255 + 0.055) / 1.055) ** 2.4);
        return a === 0 ? null : 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const canvas = document.createElement("p");
    canvas.style.background = "Canvas";
    document.body.append(canvas);
    const ground = light(getComputedStyle(canvas).backgroundColor);
    canvas.remove();
    const differs = (colour) => {
        const found = /^(none|url)/.test(colour) ? null : light(colour);
        return found !== null && (Math.max(found, ground) + 0.05) / (Math.min(found, ground) + 0.05) >= 1.5;
    };
    const found = [];
    for (const one of document.querySelectorAll("[data-painted]")) {
        const style = getComputedStyle(one);
        const isSeen = one.dataset.painted === "shape"
            ? differs(style.stroke) || differs(style.fill)
            : differs(style.backgroundColor) || (style.borderStyle !== "none" && parseFloat(style.borderWidth) > 0);
        if (!isSeen) found.push(one.outerHTML.slice(0, 110));
    }
    return found;
}"""


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_in_forced_colours_nothing_disappears(browser, full_site, scheme):
    gone: dict[str, list[str]] = {}
    painted = 0
    async with reader(browser, full_site, color_scheme=scheme, **DESKTOP) as page:
        for path in found_by(full_site):
            await page.goto(full_site.url + path)
            await page.evaluate(OPEN_FOLDS)
            painted += await page.evaluate(PAINTED)
            await page.emulate_media(forced_colors="active")
            for one in await page.evaluate(DISAPPEARED):
                gone.setdefault(one, []).append(path)
            await page.emulate_media(forced_colors="none")
    assert painted > 20
    assert gone == {}, json.dumps(gone, indent=1)


MOVING = """() => [...document.querySelectorAll("*")].flatMap((one) => [one, "::before", "::after"].map((part) => {
    const style = part === one ? getComputedStyle(one) : getComputedStyle(one, part);
    const lasts = (times) => times.split(",").some((time) => parseFloat(time) > 0);
    const isMoved = lasts(style.transitionDuration) && style.transitionProperty !== "none";
    const isAnimated = style.animationName !== "none" && lasts(style.animationDuration);
    return isMoved || isAnimated || style.scrollBehavior === "smooth" ? one.outerHTML.slice(0, 100) : null;
})).filter(Boolean)"""


@pytest.mark.parametrize(("motion", "moves"), [("reduce", False), ("no-preference", True)])
async def test_with_reduced_motion_nothing_moves(browser, full_site, motion, moves):
    """Where people do not mind, something does."""
    moving = set()
    context = await browser.new_context(reduced_motion=motion, locale="en")
    page = await context.new_page()
    await log_in(page, full_site)
    for path in found_by(full_site):
        await page.goto(full_site.url + path)
        await page.evaluate(OPEN_FOLDS)
        moving.update(await page.evaluate(MOVING))
    # A button that is pressed, and what is said then.
    await page.goto(f"{full_site.url}/-/links")
    await page.click('[data-row="def"] summary')
    await page.click('[data-row="def"] [data-toggle]')
    await page.wait_for_selector(".toast")
    moving.update(await page.evaluate(MOVING))
    running = await page.evaluate("document.getAnimations().length")
    await context.close()
    assert bool(moving or running) is moves, sorted(moving)


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
    return {word for word in re.findall(r"[^\W\d_]{3,}~?", text.lower()) if not re.search("[âêîôû~]", word)}


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
    texts += ["Deutsch English", "API CSV JSON QR SVG PNG PDF UTM UTC", "user:7 link:k7Rm2pX"]
    return words_of(" ".join(texts))


# What makes the page wider than the window.
OUTSIDE = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const all = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility());
    const wide = all.filter((one) => one.getBoundingClientRect().right > width);
    return wide.map((one) => one.outerHTML.slice(0, 90)).slice(-4);
}"""
ENGLISH = """data => {
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const parent = walk.currentNode.parentElement;
        if (parent.closest(data) || !parent.checkVisibility()) continue;
        if (walk.currentNode.data.trim()) found.push(walk.currentNode.data.trim());
    }
    for (const name of ["aria-label", "placeholder", "title", "alt"]) {
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


@pytest.mark.parametrize("width", [320, 1280])
async def test_nothing_is_left_in_english_and_nothing_overflows_in_the_long_language(
    long_language, browser, full_site, width
):
    site: Site = full_site
    known, left, wide = known_words(), {}, {}
    async with watched(browser, locale="de", viewport={"width": width, "height": 700}) as page:
        await log_in(page, site)
        for path in found_by(site):
            await page.goto(site.url + path)
            if outside := await page.evaluate(OUTSIDE):
                wide[path] = outside
            for text in await page.evaluate(ENGLISH, DATA):
                if words := words_of(text) - known:
                    left.setdefault(" ".join(sorted(words)), (path, text[:100]))
    assert wide == {}, json.dumps(wide, indent=1, ensure_ascii=False)
    assert left == {}, json.dumps(left, indent=1, ensure_ascii=False)


# Notes what is added to regions that are read aloud.
LISTEN = """
window.said = [];
const listener = new MutationObserver((changes) => {
    for (const change of changes) {
        const target = change.target.nodeType === 1 ? change.target : change.target.parentElement;
        if (!target?.closest("[role=status], [role=alert], [aria-live=polite], [aria-live=assertive]")) continue;
        const added = change.type === "characterData" ? [change.target] : [...change.addedNodes];
        const text = added.map((node) => node.textContent.replace(/\\s+/g, " ").trim()).join(" ").trim();
        if (text) window.said.push(text);
    }
});
// What a page begins with is not read aloud.
addEventListener("DOMContentLoaded", () => {
    listener.observe(document.body, { childList: true, characterData: true, subtree: true });
});
"""


async def test_every_change_is_announced_once(browser, full_site):
    async with reader(browser, full_site, permissions=["clipboard-read", "clipboard-write"]) as page:
        await page.add_init_script(LISTEN)

        async def says_once(text: str) -> None:
            await page.wait_for_function("text => window.said.some((said) => said.includes(text))", arg=text)
            await page.wait_for_load_state("networkidle")
            said = await page.evaluate("window.said")
            assert [text in each for each in said].count(True) == 1, said
            await page.evaluate("window.said = []")

        await page.goto(f"{full_site.url}/-/links")
        row = '[data-row="def"]'
        await page.click(f"{row} .copy")
        await says_once("Copied")
        for button, said in (("[data-toggle]", "def disabled"), ("[data-toggle]", "def enabled")):
            await page.click(f"{row} summary")
            await page.click(f"{row} {button}")
            await says_once(said)
        await page.click(f"{row} summary")
        await page.click(f"{row} [data-delete]")
        await says_once("def deleted")
        # The last change alone.
        assert await page.locator("[data-undo]").count() == 1
        await page.click("[data-undo]")
        await says_once("def is back")
        await page.fill("#q", "abc")
        await says_once("1 link")
        await page.check("[data-all]")
        await says_once("1 selected")
