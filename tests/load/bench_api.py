"""Figures of a `shortener up` of its own, as a Markdown table of medians.

    python -m tests.load.bench_api [--data-dir FOLDER]

Seeds one link with ten thousand clicks over a year and one with ten million, which takes some minutes; a folder that is
named is kept, and seeded only once. Requests for the two alternate, one by one.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from tests.e2e.product import Product, run_command, running

ROUNDS = 5
STATS_REQUESTS = 40
CLICKS = {"small": 10_000, "large": 10_000_000}
ZONES = ("UTC", "Europe/Berlin", "Pacific/Auckland")


async def stats(client: httpx.AsyncClient, tz: str) -> dict[str, float]:
    """Median in milliseconds by code, for a year by day."""
    since = (datetime.now(UTC) - timedelta(days=365)).date().isoformat()
    query = {"from": since, "interval": "day", "tz": tz}
    requests = {code: client.build_request("GET", f"/api/v1/links/{code}/stats", params=query) for code in CLICKS}
    taken: dict[str, list[float]] = {code: [] for code in CLICKS}
    for _ in range(STATS_REQUESTS):
        for code, request in requests.items():
            taken[code].append(await took_ms(client, request))
    return {code: statistics.median(values) for code, values in taken.items()}


async def took_ms(client: httpx.AsyncClient, request: httpx.Request, status: int = 200) -> float:
    start_s = time.perf_counter()
    answer = await client.send(request)
    taken_s = time.perf_counter() - start_s
    assert answer.status_code == status, answer.text
    return 1000 * taken_s


async def measure(product: Product) -> dict[str, list[float]]:
    rounds: dict[str, list[float]] = {}
    async with httpx.AsyncClient(base_url=product.url, trust_env=False, timeout=60) as client:
        for n in range(ROUNDS + 1):
            for tz in ZONES:
                for code, taken_ms in (await stats(client, tz)).items():
                    if n:  # The first round warms up.
                        rounds.setdefault(f"a year by day, {CLICKS[code]:,} clicks, {tz}, ms", []).append(taken_ms)
    return rounds


def seed(product: Product) -> None:
    """Where it is not seeded yet. Raises CalledProcessError."""
    with product.client() as client:
        missing = [code for code in CLICKS if client.get(f"/api/v1/links/{code}").status_code == 404]
    for code in missing:
        print(f"seeding {CLICKS[code]:,} clicks", flush=True)
        options = ("--code", code, "--clicks", str(CLICKS[code]), "--force")
        done = run_command("seed", *options, data_dir=product.data_dir, within_s=3600)
        done.check_returncode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory()), "data")
        product = stack.enter_context(running(folder, web_processes=1, limit_api="off"))
        seed(product)
        rounds = asyncio.run(measure(product))
        product.stop()
    print("| | median | lowest | highest |\n|---|---:|---:|---:|")
    for name, values in rounds.items():
        print(f"| {name} | {statistics.median(values):,.1f} | {min(values):,.1f} | {max(values):,.1f} |")


if __name__ == "__main__":
    main()
