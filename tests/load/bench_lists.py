"""Lists of a workspace with a million links and a million tags of links, as a Markdown table.

    python -m tests.load.bench_lists [--links 1000000] [--requests 200] [--data-dir FOLDER] [--write]

Starts a `shortener up` of its own, writes the links, which takes some minutes, and asks for lists over HTTP, one
request at a time, and for links to be found again by what they lead to. A folder that is named is kept, and filled only
once. Times are those of the answer, from the request to its last byte; half of the requests for lists are for a first
page and half for the page after it. Exits with an error when a list exceeds its budget.
"""

import argparse
import asyncio
import math
import statistics
import sys
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from shortener.processes.embedded.data_directory import DataDirectory
from tests.e2e.product import Product, running
from tests.load.bench_api import took_ms
from tests.load.many_links import make_many_links
from tests.load.page import table, write

LISTS: dict[str, dict[str, Any]] = {
    "all, newest first": {},
    "all, oldest first": {"order": "asc"},
    **{f"all by {sort}": {"sort": sort} for sort in ("updated_at", "clicks", "code", "title", "expires_at")},
    "fewest clicks first": {"sort": "clicks", "order": "asc"},
    "with 30 days of clicks": {"include": "sparkline"},
    "a tag of 130,000 links": {"tag": "tag-1"},
    "a tag of 1,700 links": {"tag": "tag-150"},
    "a tag of 1,700 links by clicks": {"tag": "tag-150", "sort": "clicks"},
    "two tags, all": {"tag": ["tag-1", "tag-40"], "tag_mode": "all"},
    "without a tag": {"without_tag": "tag-1"},
    "a frequent host": {"host": "host-0.example.com"},
    "a rare host": {"host": "host-1990.example.com"},
    **{
        f"{state}": {"state": state}
        for state in ("live", "scheduled", "expired", "used_up", "disabled", "archived", "banned", "deleted")
    },
    **{f"has {name}": {"has": name} for name in ("password", "rules", "variants", "limit", "note")},
    "created in a month": {"created_from": "2026-03-01T00:00:00Z", "created_to": "2026-04-01T00:00:00Z"},
    "created in a month, by title": {
        "created_from": "2026-03-01T00:00:00Z", "created_to": "2026-04-01T00:00:00Z", "sort": "title",
    },
    "at least 10,000 clicks": {"clicks_min": 10_000},
    "at least 50,000 clicks, by title": {"clicks_min": 50_000, "sort": "title"},
    "never clicked": {"clicks_max": 0},
    "search: a frequent word": {"q": "spring"},
    "search: a frequent word by clicks": {"q": "spring", "sort": "clicks"},
    "search: a word of titles and hosts": {"q": "Gewinnspiel"},
    "search: two words": {"q": "museum city"},
    "search: a rare part": {"q": "4711/"},
    "search: one link": {"q": "host-0.example.com/spring/77777?"},
    "search: nothing": {"q": "zebra crossing"},
    "search: a note": {"q": "printed on museum"},
    "search: Cyrillic": {"q": "москва"},
    "search: two ideographs": {"q": "北京"},
    "search: one ideograph": {"q": "京"},
    "search: two rare letters": {"q": "ßü"},
    "disabled, with a word and a tag, by title": {
        "q": "guide", "tag": "tag-2", "state": "disabled", "sort": "title",
    },
}  # fmt: skip

# Of the 95th percentile.
BUDGET_MS = 50
# No index has these links in their order, or the whole of the text.
LARGER_BUDGETS_MS = {"at least 50,000 clicks, by title": 150, "search: one link": 75}


def too_slow(late_ms: Mapping[str, float]) -> list[str]:
    """Lists that exceed their budget, or were not measured."""
    return [
        f"{name}: {late_ms.get(name, 'not measured')}"
        for name in LISTS
        if late_ms.get(name, math.inf) > LARGER_BUDGETS_MS.get(name, BUDGET_MS)
    ]


async def fill(database_url: str, links: int) -> None:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM links)"):
        await make_many_links(connection, None, links)
    await connection.close()


# Links to one URL, among which one is found by its title: as many as are looked at.
ALIKE = 500


async def again(product: Product, database_url: str, requests: int) -> dict[str, list[float]]:
    """Of creations with `reuse`. Only URLs of ASCII characters are stored here as the API stores them."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    sql = """SELECT url FROM links WHERE NOT is_disabled AND NOT is_archived AND deleted_at IS NULL AND ban_id IS NULL
        AND expires_at IS NULL AND starts_at IS NULL AND max_clicks IS NULL AND password_hash IS NULL
        AND options IS NULL AND url ~ '^[!-~]+$' ORDER BY hashint8(id) LIMIT $1"""
    urls = [row["url"] for row in await connection.fetch(sql, requests)]
    await connection.close()
    url = f"https://example.com/{uuid.uuid4()}"
    taken: dict[str, list[float]] = {}
    async with httpx.AsyncClient(base_url=product.url, trust_env=False, timeout=60) as client:
        links = [{"url": url, "title": f"alike {n}"} for n in range(ALIKE)]
        (await client.post("/api/v1/links/bulk", json={"links": links})).raise_for_status()
        for n in range(requests):
            bodies = {
                (f"found again among {ALIKE:,} links to one URL", 200): {
                    "url": url,
                    "title": f"alike {n % ALIKE}",
                },
                ("found again, of a million", 200): {"url": urls[n]},
                ("not found, and created", 201): {"url": f"https://example.com/{uuid.uuid4()}"},
            }
            for (name, status), body in bodies.items():
                request = client.build_request("POST", "/api/v1/links", json={**body, "reuse": True})
                taken.setdefault(name, []).append(await took_ms(client, request, status))
    return taken


async def measure(product: Product, requests: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in LISTS}
    async with httpx.AsyncClient(base_url=product.url, trust_env=False, timeout=60) as client:
        for _ in range(requests // 2):
            for name, query in LISTS.items():
                request = client.build_request("GET", "/api/v1/links", params={"limit": 50, **query})
                taken[name].append(await took_ms(client, request))
                following = (await client.get(request.url)).json()["next"]
                taken[name].append(await took_ms(client, client.build_request("GET", following or request.url)))
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--links", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--write", action="store_true", help="replace the table in docs/benchmarks.md")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory()), "data")
        product = stack.enter_context(running(folder, web_processes=1, limit_api="off"))
        run = DataDirectory(folder).read_run_file()
        assert run is not None
        asyncio.run(fill(run.database_url, options.links))
        taken = asyncio.run(measure(product, options.requests))
        taken |= asyncio.run(again(product, run.database_url, options.requests))
        product.stop()
    late = round(0.95 * options.requests) - 1
    late_ms = {name: round(sorted(ms)[late], 1) for name, ms in taken.items()}
    rows = [[name, f"{statistics.median(ms):,.1f}", f"{late_ms[name]:,.1f}"] for name, ms in taken.items()]
    text = table(["list, ms", "median", f"95th of {options.requests}"], rows)
    print(text)
    if options.write:
        write("lists", text)
    sys.exit("\n".join(too_slow(late_ms)) or 0)


if __name__ == "__main__":
    main()
