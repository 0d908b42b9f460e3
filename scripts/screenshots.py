"""Writes pictures of the dashboard's screens, for people to look at: `make screenshots URL=http://127.0.0.1:8000`."""

import argparse
import asyncio
import itertools
import shutil
from pathlib import Path

from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZES = {"desktop": (1280, 900), "phone": (360, 740)}


async def picture(browser: Browser, url: str, folder: Path, name: str, theme: str, size: str, language: str) -> None:
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        locale=language,
        timezone_id="Europe/Berlin",
        has_touch=size == "phone",
        reduced_motion="reduce",
    )
    page = await context.new_page()
    page.on("console", lambda message: print(name, theme, size, language, message.type, message.text))
    await page.goto(url, wait_until="networkidle")
    await page.screenshot(path=folder / f"{name}-{theme}-{size}-{language}.png", full_page=True)
    await context.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("paths", nargs="*", default=["/-/", "/-/links"], help="NAME=PATH or PATH")
    parser.add_argument("--folder", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--themes", default="light,dark")
    parser.add_argument("--sizes", default="desktop,phone")
    parser.add_argument("--languages", default="en,de")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    chromium = next(filter(None, map(shutil.which, NAMES)))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        kinds = (asked.themes.split(","), asked.sizes.split(","), asked.languages.split(","))
        for asked_path, theme, size, language in itertools.product(asked.paths, *kinds):
            name, _, path = ("", "", asked_path) if asked_path.startswith("/") else asked_path.partition("=")
            name = name or path.strip("/-").replace("/", "-") or "start"
            await picture(browser, asked.base_url + path, asked.folder, name, theme, size, language)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
