"""Figures of a workspace with many links and clicks, as a Markdown table of medians.

    python -m tests.load.bench_groups [--links 100000] [--clicks 10000000] [--data-dir FOLDER] [--write]

Starts a `shortener up` of its own, seeds the links and their clicks over a year, which takes some minutes, lets the
worker's jobs count them together, and asks for the figures over HTTP, one request at a time. A folder that is named is
kept, and seeded only once. Times are those of the answer, from the request to its last byte.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx

from shortener.figures.groups import keep_groups, next_links
from shortener.figures.rollups import busy_links, sum_up
from shortener.figures.spans import EPOCH
from shortener.processes.embedded.data_directory import DataDirectory
from tests.e2e.product import Product, run_command, running
from tests.load.bench_api import took_ms
from tests.load.page import table, write

REQUESTS = 100
# A worker sums up breakdowns when it starts, for this long at most.
START_S = 30
COUNTED = (
    "click_breakdown_hourly", "click_breakdown_daily", "click_breakdown_monthly", "click_counts_15min",
    "group_members",
)  # fmt: skip
DAYS = {"30 days by day": (30, "day", "UTC"), "a year by week": (365, "week", "Europe/Berlin")}


async def count_together(database_url: str) -> None:
    """Do the work of the worker's jobs at once."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""), timeout=60)
    after = 0
    while links := await next_links(connection, after):
        kept = await keep_groups(connection, links)
        if kept is None:
            await asyncio.sleep(0.5)
        elif not kept.has_more:
            after = links[-1]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    groups = [each for each in await busy_links(connection, -(2**63), 1000) if each < 0]
    await sum_up(connection, groups, EPOCH, today, timeout_s=3600)
    for counted in COUNTED:
        await connection.execute(f"VACUUM (ANALYZE) {counted}", timeout=3600)
    await connection.close()


async def measure(product: Product) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {}
    async with httpx.AsyncClient(base_url=product.url, trust_env=False, timeout=60) as client:
        for _ in range(REQUESTS):
            for name, (days, interval, tz) in DAYS.items():
                since = f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}"
                query = {"from": since, "interval": interval, "tz": tz, "workspace": "anonymous"}
                for path, what in (("/api/v1/stats", "figures and top links"), ("/api/v1/stats/referrers", "a page")):
                    request = client.build_request("GET", path, params=query)
                    taken.setdefault(f"{what}, {name}", []).append(await took_ms(client, request))
    return taken


def seed(product: Product, links: int, clicks: int) -> None:
    with product.client() as client:
        if client.get("/api/v1/links").json()["total"]:
            return
    done = run_command("seed", "--links", str(links), "--clicks", str(clicks), data_dir=product.data_dir, within_s=7200)
    done.check_returncode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--links", type=int, default=100_000)
    parser.add_argument("--clicks", type=int, default=10_000_000)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory()), "data")
        product = stack.enter_context(running(folder, web_processes=1, limit_api="off"))
        seed(product, options.links, options.clicks)
        run = DataDirectory(folder).read_run_file()
        assert run is not None
        began_at_s = time.perf_counter()
        asyncio.run(count_together(run.database_url))
        took_s = time.perf_counter() - began_at_s
        print(f"counted together in {took_s:.0f} s, as far as they were not before")
        time.sleep(max(0, START_S - took_s))
        taken = asyncio.run(measure(product))
        product.stop()
    rows = [(name, f"{statistics.median(values):,.1f}", f"{sorted(values)[94]:,.1f}") for name, values in taken.items()]
    text = (
        table(("of one workspace, ms", "median", "95th of 100"), rows)
        + f"\n\nThe workspace has {options.clicks:,} clicks of {options.links:,} links."
    )
    print(text)
    if options.write:
        write("groups", text)


if __name__ == "__main__":
    main()
