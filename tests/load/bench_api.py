"""Figures of a running server, as a Markdown table of medians.

SHORTENER_LIMIT_API=off shortener up, then: shortener seed --code small --clicks 10000 and
shortener seed --code large --clicks 10000000 --force, then: python -m tests.load.bench_api http://127.0.0.1:8000
"""

import asyncio
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx

ROUNDS = 5
STATS_REQUESTS = 20


async def stats(client: httpx.AsyncClient, code: str, tz: str) -> float:
    """Median in milliseconds for a year by day."""
    since = (datetime.now(UTC) - timedelta(days=365)).date().isoformat()
    query = {"from": since, "interval": "day", "tz": tz}
    request = client.build_request("GET", f"/api/v1/links/{code}/stats", params=query)
    return await median_ms([request] * STATS_REQUESTS, client)


async def median_ms(requests: list[httpx.Request], client: httpx.AsyncClient) -> float:
    taken = []
    for request in requests:
        start_s = time.perf_counter()
        answer = await client.send(request)
        taken.append(time.perf_counter() - start_s)
        assert answer.is_success, answer.text
    return 1000 * statistics.median(taken)


async def main(url: str) -> None:
    rounds: dict[str, list[float]] = {}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        for _ in range(ROUNDS):
            found = {}
            for tz in ("UTC", "Europe/Berlin"):
                for code in ("small", "large"):
                    found[f"a year of `{code}` by day, {tz}, ms"] = await stats(client, code, tz)
            for name, value in found.items():
                rounds.setdefault(name, []).append(value)
    print("| | median | lowest | highest |\n|---|---|---|---|")
    for name, values in rounds.items():
        print(f"| {name} | {statistics.median(values):.1f} | {min(values):.1f} | {max(values):.1f} |")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
