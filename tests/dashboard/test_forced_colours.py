"""Every screen for people whose system sets the colours."""

import json
import re

import pytest

from tests.dashboard.screens import DESKTOP, OPEN_FOLDS, found_by, full_site, reader

__all__ = ["full_site"]

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]


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
