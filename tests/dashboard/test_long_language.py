"""Every screen in a language whose words are longer, which shows what is left in English."""

import json
import re
from collections.abc import Iterator
from gettext import NullTranslations
from typing import Any

import pytest
from babel import Locale, dates

from shortener.dashboard import wording
from tests.dashboard.screens import OPEN_ALL, SENT, Site, full_site, send, walk

__all__ = ["full_site"]

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]


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
    texts += [
        dates.format_timedelta(n, locale=german, add_direction=True, format=form)
        for n in (1, 60, 3600, 86_400, -1, -90_000)
        for form in ("long", "short")
    ]
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
