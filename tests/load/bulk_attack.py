"""What others notice of a client that creates long URLs in bulk: disk, clicks, and the requests of everybody else.

`python -m tests.load.bulk_attack --write` starts the product on a new folder for each attack, sends all requests of the
attack at once, and goes on watching for some seconds; it writes the table in docs/reliability.md. The client is trusted
as a proxy, so that the attack and the others come from different addresses.
"""

import argparse
import asyncio
import random
import re
import string
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import httpx
import orjson

from shortener.processes.embedded.data_directory import DataDirectory
from tests.e2e.product import CHROME, Product
from tests.load import page

PAGE = page.PAGE.with_name("reliability.md")
LINKS, BULK = "/api/v1/links", "/api/v1/links/bulk"
# Promised.
COUNTED_WITHIN_S = 2.0
WATCHED_S = 20.0
LOG = "postgres/pg_wal"
_PAUSE_S = 0.05
_TOTAL_SQL = "SELECT coalesce(sum(clicks + bots), 0)::bigint FROM click_totals"
_MERGES_SQL = """
    SELECT count(*) FROM pg_stat_activity
    WHERE state = 'active' AND query ILIKE '%gin_clean_pending%' AND pid <> pg_backend_pid()
"""


class Attack(NamedTuple):
    """Concurrent requests, links per request, and random characters per URL."""

    name: str
    requests: int
    links: int
    characters: int
    has_titles: bool = False
    # Times what was uploaded. Short URLs cost the index far more than they cost the sender.
    most_growth: float | None = None
    has_byte_limit: bool = False

    def body(self) -> bytes:
        links = [
            {"url": self._url()} | ({"title": self._title()} if self.has_titles else {}) for _ in range(self.links)
        ]
        return orjson.dumps({"links": links})

    def _url(self) -> str:
        start = "https://example.com/"
        return start + "".join(random.choices(string.ascii_letters + string.digits, k=self.characters - len(start)))

    @staticmethod
    def _title() -> str:
        return "".join(chr(random.randrange(0x4E00, 0x9FA5)) for _ in range(300))


class Outcome(NamedTuple):
    """`answers` are those to the attack by status, `others` those to everybody else; times are in seconds, sizes in
    bytes. `grown` includes PostgreSQL's log, `log_grown`, which is bounded by `max_wal_size`."""

    answers: Counter[int]
    answered_s: float
    uploaded: int
    taken: int
    grown: int
    log_grown: int
    counted_s: list[float]
    others: Counter[str]
    others_s: list[float]
    merges_at_once: int

    @property
    def growth(self) -> float:
        return self.grown / self.uploaded

    @property
    def failed(self) -> int:
        """Requests of others that were answered with an error of the server, or not at all."""
        return sum(n for status, n in self.others.items() if not re.match("[234]", status))

    def broken_promises(self, attack: Attack) -> list[str]:
        broken = []
        if max(self.counted_s) > COUNTED_WITHIN_S:
            broken.append(f"a click was counted after {max(self.counted_s):.1f} s")
        if attack.most_growth is not None and self.growth > attack.most_growth:
            broken.append(f"the disk grew by {self.growth:.1f} times what was uploaded")
        if self.failed:
            broken.append(f"{self.failed} requests of others failed")
        if self.merges_at_once > 1:
            broken.append(f"{self.merges_at_once} merges of the search index ran at once")
        return broken


ATTACKS = [
    Attack(
        "8 requests of 1,000 URLs of 8,100 characters, limits as they are",
        8,
        1000,
        8100,
        has_byte_limit=True,
        most_growth=5,
    ),
    Attack("the same without a limit of bytes", 8, 1000, 8100, most_growth=5),
    Attack("20 of 1,000 URLs of 2,000 characters, without", 20, 1000, 2000),
    Attack("20 of 1,000 URLs of 280 characters, titles of 300 ideographs, without", 20, 1000, 280, has_titles=True),
]


def disk_usage(folder: Path) -> int:
    """Bytes of the files that are there; they come and go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total


class Watch:
    """Follows a link, asks for what others ask for, and looks at the disk, until it is stopped."""

    def __init__(self, product: Product, database_url: str) -> None:
        self._product = product
        self._database_url = database_url
        self._addresses = (f"198.51.100.{n % 250}" for n in count())
        self._stopping = asyncio.Event()
        self._followed_at_s: list[float] = []
        self.counted_s: list[float] = []
        self.others: Counter[str] = Counter()
        self.others_s: list[float] = []
        self.usage = self.log_usage = 0
        self.merges_at_once = 0

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        # Not to send on a connection that the server closes at this moment, since it was idle.
        limits = httpx.Limits(keepalive_expiry=1)
        async with httpx.AsyncClient(
            base_url=self._product.url, headers={"User-Agent": CHROME}, timeout=60, limits=limits
        ) as self._client:
            link = await self._client.post(LINKS, json={"url": "https://example.com/"})
            code = link.raise_for_status().json()["code"]
            requests: list[Callable[[], Any]] = [
                lambda: self._follow(code),
                lambda: self._ask("POST", LINKS, json={"url": "https://example.com/"}),
                lambda: self._ask("GET", LINKS),
                lambda: self._ask("GET", LINKS, params={"q": "example.com/nowhere"}),
                lambda: self._ask("POST", BULK, json={"links": [{"url": "https://example.com/"}] * 2}),
            ]
            await asyncio.gather(*map(self._repeat, requests), self._count(), self._repeat(self._look_at_the_disk))

    async def _repeat(self, request: Callable[[], Any]) -> None:
        while not self._stopping.is_set():
            await request()
            await asyncio.sleep(_PAUSE_S)

    async def _follow(self, code: str) -> None:
        if await self._ask("GET", f"/{code}") == "302":
            self._followed_at_s.append(time.monotonic())

    async def _ask(self, method: str, path: str, **options: Any) -> str:
        began_at_s = time.monotonic()
        try:
            headers = {"X-Forwarded-For": next(self._addresses)}
            answer = await self._client.request(method, path, headers=headers, **options)
            status = str(answer.status_code)
        except httpx.HTTPError as error:
            status = type(error).__name__
        self.others[status] += 1
        self.others_s.append(time.monotonic() - began_at_s)
        return status

    async def _count(self) -> None:
        connection = await asyncpg.connect(self._database_url)
        try:
            while not self._stopping.is_set() or len(self.counted_s) < len(self._followed_at_s):
                total = await connection.fetchval(_TOTAL_SQL)
                self.merges_at_once = max(self.merges_at_once, await connection.fetchval(_MERGES_SQL))
                now_s = time.monotonic()
                self.counted_s += [now_s - at_s for at_s in self._followed_at_s[len(self.counted_s) : total]]
                await asyncio.sleep(_PAUSE_S)
        finally:
            await connection.close()

    async def _look_at_the_disk(self) -> None:
        self.usage = max(self.usage, await asyncio.to_thread(disk_usage, self._product.data_dir))
        self.log_usage = max(self.log_usage, disk_usage(self._product.data_dir / LOG))


@contextmanager
def product(attack: Attack) -> Iterator[tuple[Product, str]]:
    """The product on a new folder, with this attack's limits, and its database's URL."""
    with tempfile.TemporaryDirectory() as folder:
        limits = {"limit_api": "100/minute"} | ({"limit_api_bytes": "10MB/minute"} if attack.has_byte_limit else {})
        # Behind a proxy nobody comes in without a login, unless it is said.
        openings = {"anonymous_links": True, "anonymous_manage": True, "trusted_proxies": "127.0.0.1"}
        running = Product(Path(folder) / "data", **openings, **limits)
        try:
            running.wait_until_ready()
            run = DataDirectory(running.data_dir).read_run_file()
            assert run is not None
            yield running, run.database_url.replace("+asyncpg", "")
        finally:
            running.end()


async def carry_out(attack: Attack, product: Product, database_url: str, watched_s: float = WATCHED_S) -> Outcome:
    bodies = [attack.body() for _ in range(attack.requests)]
    watch = Watch(product, database_url)
    before, log_before = disk_usage(product.data_dir), disk_usage(product.data_dir / LOG)
    watching = asyncio.create_task(watch.run())
    await asyncio.wait([watching], timeout=1)
    began_at_s = time.monotonic()
    headers = {"Content-Type": "application/json", "X-Forwarded-For": "203.0.113.9"}
    async with httpx.AsyncClient(base_url=product.url, headers=headers, timeout=180) as client:
        answers = await asyncio.gather(*(client.post(BULK, content=body) for body in bodies))
    answered_s = time.monotonic() - began_at_s
    await asyncio.sleep(watched_s)
    watch.stop()
    await watching
    statuses = Counter(answer.status_code for answer in answers)
    taken = sum(len(body) for body, answer in zip(bodies, answers, strict=True) if answer.status_code == 200)
    return Outcome(
        statuses,
        answered_s,
        sum(map(len, bodies)),
        taken,
        watch.usage - before,
        watch.log_usage - log_before,
        watch.counted_s,
        watch.others,
        watch.others_s,
        watch.merges_at_once,
    )


def percentile(values: list[float], percent: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]


def row(attack: Attack, outcome: Outcome) -> list[str]:
    answers = ", ".join(f"{n} × {status}" for status, n in sorted(outcome.answers.items()))
    return [
        attack.name,
        f"{answers} in {outcome.answered_s:.1f} s",
        f"{outcome.uploaded / 1e6:.0f}, {outcome.taken / 1e6:.0f} MB",
        f"{outcome.grown / 1e6:.0f}, {outcome.log_grown / 1e6:.0f} MB",
        f"{percentile(outcome.counted_s, 50):.1f}, {max(outcome.counted_s):.1f} s",
        f"{outcome.others.total():,}, {outcome.failed} failed",
        f"{1000 * percentile(outcome.others_s, 50):.0f}, {1000 * percentile(outcome.others_s, 99):.0f} ms",
    ]


HEAD = [
    "Attack",
    "Answers",
    "Uploaded, of which taken",
    "Disk grew by, of which log",
    "Clicks counted after: p50, longest",
]
HEAD += ["Requests of others", "p50, p99"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="attacks with this in their name")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md")
    options = parser.parse_args()
    rows, broken = [], []
    for attack in ATTACKS:
        if options.only not in attack.name:
            continue
        with product(attack) as (running, database_url):
            outcome = asyncio.run(carry_out(attack, running, database_url))
        rows.append(row(attack, outcome))
        broken += [f"{attack.name}: {promise}" for promise in outcome.broken_promises(attack)]
        print(*rows[-1], dict(outcome.others), f"merges at once: {outcome.merges_at_once}", sep=" | ", flush=True)
    text = page.table(HEAD, rows)
    if options.write:
        page.write("bulk attack", text, PAGE)
    for promise in broken:
        print(f"Broken: {promise}")
    raise SystemExit(1 if broken else 0)


if __name__ == "__main__":
    main()
