"""Bulk creates, single creates and figures of a running server, as a Markdown table of medians.

SHORTENER_LIMIT_API=off shortener up, then: shortener seed --code small --clicks 10000 and
shortener seed --code large --clicks 10000000 --force, then: python -m tests.load.bench_api http://127.0.0.1:8000
"""

import asyncio
import random
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx

ROUNDS = 5
BULK_REQUESTS = 10
SINGLE_CREATES = 100
STATS_REQUESTS = 20
WORDS = ("news", "article", "shop", "product", "home", "about", "blog", "guide", "summer", "sale", "cart", "video")


def made_up_url() -> str:
    host, *path = random.choices(WORDS, k=5)
    return f"https://www.{host}{random.randrange(1000)}.com/{'/'.join(path)}-{random.randrange(10**6)}?utm_source=mail"


async def bulk(client: httpx.AsyncClient) -> float:
    """Links a second."""
    bodies = [{"links": [{"url": made_up_url()} for _ in range(1000)]} for _ in range(BULK_REQUESTS)]
    requests = [client.build_request("POST", "/api/v1/links/bulk", json=body) for body in bodies]
    start_s = time.perf_counter()
    for request in requests:
        answer = await client.send(request)
        assert answer.status_code == 200, answer.text
    return BULK_REQUESTS * 1000 / (time.perf_counter() - start_s)


async def single(client: httpx.AsyncClient) -> float:
    """Median in milliseconds."""
    return await median_ms(
        [client.build_request("POST", "/api/v1/links", json={"url": made_up_url()}) for _ in range(SINGLE_CREATES)],
        client,
    )


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
            found = {"bulk create, links a second": await bulk(client), "single create, ms": await single(client)}
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
