"""Pages of the dashboard in Chromium, as on a phone with a slow network, as a Markdown table.


Starts a `shortener up` of its own with as many links as a page of the list holds. Each first visit is that of a new
browser; the further page is the list. Exits with an error when a budget is exceeded.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.browsing import chromium
from tests.e2e.product import running
from tests.load.page import table, write
from tests.load.visits import (
    ANSWER_MS,
    FIRST_BYTES,
    FIRST_REQUESTS,
    FURTHER_BYTES,
    FURTHER_REQUESTS,
    MOST_SHIFT,
    OBSERVE,
    Visit,
    late_answer_ms,
    slow_down,
    visit_of,
)

FIRST_PAINT_MS, FURTHER_PAINT_MS = 1500, 600


class Row(NamedTuple):
    what: str
    budget: float
    found: float
    unit: str = ""

    def cells(self) -> list[str]:
        digits = 0 if self.budget >= 1 else 3
        return [self.what, f"{self.budget:,g}{self.unit}", f"{self.found:,.{digits}f}{self.unit}"]


@asynccontextmanager
async def slow_page(browser: Any) -> AsyncIterator[Any]:
    """A page of a new browser, on a slow processor and behind a slow network."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.add_init_script(OBSERVE)
    await slow_down(page)
    yield page
    await context.close()


async def visit(page: Any, url: str) -> Visit:
    await page.goto(url, wait_until="networkidle")
    return await visit_of(page)


async def measure(url: str, visits: int, actions: int) -> list[Row]:
    first, further = [], []
    async with chromium() as browser:
        for _ in range(visits):
            async with slow_page(browser) as page:
                first.append(await visit(page, f"{url}/-/"))
                further.append(await visit(page, f"{url}/-/links"))
                answer_ms = await late_answer_ms(page, actions) if len(first) == visits else 0
    return [
        Row("first visit: bytes", FIRST_BYTES, first[-1].bytes),
        Row("first visit: requests", FIRST_REQUESTS, first[-1].requests),
        Row("first visit: largest paint", FIRST_PAINT_MS, statistics.median(each.paint_ms for each in first), " ms"),
        Row("further page: bytes", FURTHER_BYTES, further[-1].bytes),
        Row("further page: requests", FURTHER_REQUESTS, further[-1].requests),
        Row(
            "further page: largest paint", FURTHER_PAINT_MS, statistics.median(each.paint_ms for each in further), " ms"
        ),
        Row("layout shift", MOST_SHIFT, max(each.shift for each in first + further)),
        Row(f"answer to a key, 95th of {actions}", ANSWER_MS, answer_ms, " ms"),
    ]


def make_links(url: str) -> None:
    links = [{"url": f"https://example.com/{n}?utm_source=mail", "title": f"Link {n}"} for n in range(50)]
    httpx.post(f"{url}/api/v1/links/bulk", json={"links": links}).raise_for_status()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--actions", type=int, default=100)
    parser.add_argument("--write", action="store_true", help="replace the table in docs/benchmarks.md")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()), "data")
        product = stack.enter_context(running(folder, web_processes=1, limit_api="off"))
        make_links(product.url)
        rows = asyncio.run(measure(product.url, options.visits, options.actions))
        product.stop()
    text = table(["page", "budget", "measured"], [row.cells() for row in rows])
    load = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    text += f"\n\nTimes of pages are medians of {options.visits} visits; the load of the machine at the end was {load}."
    print(text)
    if options.write:
        write("pages", text)
    sys.exit("\n".join(f"{row.what}: {row.found:g}" for row in rows if row.found > row.budget) or 0)


if __name__ == "__main__":
    main()
