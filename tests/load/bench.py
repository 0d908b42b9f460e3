"""Redirects a second of this product and of its peers, side by side on one core, the load on another.

`make bench` runs it. Rounds alternate between the peers; what counts are ratios of medians, since absolute rates are
those of the machine. Needs wrk; nginx with Lua and redis-server take part where they are installed.
"""

import argparse
import asyncio
import contextlib
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import asyncpg
import httpx
import psutil

from shortener.embedded import DataDirectory
from shortener.redirect.cache import TargetCache
from shortener.redirect.target import Target
from shortener.redis import RedisGuard, create_redis
from tests.e2e.product import Product
from tests.load.bare import URL

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "benchmarks.md"
SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 64
CODE = "abc1234"
SPREAD_LUA = """
math.randomseed(os.time())
request = function() return wrk.format("GET", string.format("/x%07x", math.random(0, {links} - 1))) end
"""


class Peer(NamedTuple):
    name: str
    url: str
    script: str | None = None


class Round(NamedTuple):
    rate: float
    p99_ms: float


def wrk(peer: Peer, seconds: float) -> Round:
    """One round. Raises when any answer is not a redirect."""
    argv = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--latency"]
    argv += ["-s", peer.script] if peer.script else []
    out = subprocess.run([*argv, peer.url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx or 3xx" in out or "Socket errors" in out:
        raise RuntimeError(f"{peer.name}: {out}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", out)
    assert rate is not None
    assert p99 is not None
    return Round(float(rate[1]), float(p99[1]) * {"us": 0.001, "ms": 1, "s": 1000}[p99[2]])


def pin(process: psutil.Process, core: int) -> None:
    for thread in process.threads():
        os.sched_setaffinity(thread.id, {core})


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/{CODE}")
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


@contextlib.contextmanager
def process(*argv: str, cwd: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(argv, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(20)


@contextlib.contextmanager
def constants() -> Iterator[list[Peer]]:
    """Bare uvicorn and a FastAPI route, each a process on the servers' core."""
    with contextlib.ExitStack() as stack:
        peers = []
        for name, app, port in (("bare uvicorn, constant", "bare", 8190), ("FastAPI route, constant", "route", 8191)):
            options = ("--port", str(port), "--no-access-log", "--log-level", "error", "--lifespan", "off")
            argv = ("taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "uvicorn", f"tests.load.{app}:app")
            stack.enter_context(process(*argv, *options))
            wait_for_port(port)
            peers.append(Peer(name, f"http://127.0.0.1:{port}/{CODE}"))
        yield peers


@contextlib.contextmanager
def nginx() -> Iterator[list[Peer]]:
    """nginx with a constant redirect, and with Lua and Redis; nothing where they are not installed."""
    if not (shutil.which("nginx") and shutil.which("redis-server") and Path("/usr/lib/nginx/modules").is_dir()):
        yield []
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        Path(folder).chmod(0o755)
        redis = ("redis-server", "--bind", "127.0.0.1", "--port", "6398", "--save", "", "--appendonly", "no")
        stack.enter_context(process(*redis, cwd=Path(folder)))
        stack.enter_context(process("nginx", "-p", folder, "-c", str(HERE / "peer.conf")))
        wait_for_port(8193)
        subprocess.run(["redis-cli", "-p", "6398", "set", f"link:{CODE}", URL], check=True, stdout=subprocess.DEVNULL)
        yield [
            Peer("nginx, constant, access log", f"http://127.0.0.1:8192/{CODE}"),
            Peer("nginx + Lua, GET + XADD", f"http://127.0.0.1:8193/{CODE}"),
        ]


class Shortener:
    """This product with one web process on the servers' core, default durability, and limits that are not reached."""

    def __init__(self, folder: Path, links: int) -> None:
        high = {f"limit_{name}": "900000000/minute" for name in ("api", "redirect", "miss")}
        self.product = Product(folder / "data", web_processes=1, **high)  # type: ignore[arg-type]
        self.links = links
        self._lua = folder / "spread.lua"
        self._lua.write_text(SPREAD_LUA.format(links=links))

    def start(self) -> None:
        self.product.wait_until_ready()
        with self.product.client() as client:
            client.post("/api/v1/links", json={"url": URL, "code": CODE}).raise_for_status()
        asyncio.run(self._make_links())
        pin(self.web, SERVER_CORE)

    async def _make_links(self) -> None:
        run = DataDirectory(self.product.data_dir).read_run_file()
        assert run is not None
        connection = await asyncpg.connect(run.database_url.replace("+asyncpg", ""))
        # Without the search index: it is not read here, and takes longest to fill.
        await connection.execute("DROP INDEX ix_links_search")
        await connection.execute(
            "INSERT INTO links (code, url) SELECT 'x' || lpad(to_hex(n), 7, '0'), 'https://example.com/page/' || n "
            f"FROM generate_series(0, {self.links - 1}) AS n"
        )
        await connection.execute("VACUUM ANALYZE links")
        # In Redis, as links that are followed now and then are; the process's own level holds a fraction of them.
        redis = create_redis(run.redis_url)
        cache = TargetCache(redis, RedisGuard(10), 36_000, 30)
        rows = await connection.fetch("SELECT id, code, url FROM links")
        for batch in (rows[n : n + 5000] for n in range(0, len(rows), 5000)):
            await cache.fill({row["code"]: Target(row["id"], row["url"]) for row in batch})
        await redis.aclose()
        await connection.close()

    @property
    def web(self) -> psutil.Process:
        return self.product.named("shortener web")[0]

    @property
    def worker(self) -> psutil.Process:
        return self.product.named("shortener worker")[0]

    @property
    def hot(self) -> Peer:
        return Peer("this product, one hot link", f"{self.product.url}/{CODE}")

    @property
    def spread(self) -> Peer:
        return Peer(f"this product, spread over {self.links:,} links", self.product.url, str(self._lua))

    @contextlib.contextmanager
    def without_worker(self) -> Iterator[None]:
        """What it costs belongs to the sustained rate; it drains between the rounds."""
        self.worker.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.worker.send_signal(signal.SIGCONT)
            self._drain()

    def _drain(self) -> None:
        with self.product.client() as client:
            before = -1
            while True:
                clicks = client.get(f"/api/v1/links/{CODE}").json()["clicks"]
                clicks += client.get(f"/api/v1/links/{CODE}/stats").json()["bots"]
                if clicks == before:
                    return
                before = clicks
                time.sleep(0.7)


def measure(rounds: int, seconds: float, links: int) -> tuple[dict[str, list[Round]], float]:
    """Rounds of each peer, alternating, and the web process's memory at the end in MB."""
    results: dict[str, list[Round]] = {}
    with tempfile.TemporaryDirectory() as folder, constants() as bare, nginx() as peers:
        shortener = Shortener(Path(folder), links)
        try:
            shortener.start()
            for n in range(rounds + 1):
                for peer in (shortener.hot, *bare, *peers, shortener.spread):
                    ours = peer.name.startswith("this product")
                    with shortener.without_worker() if ours else contextlib.nullcontext():
                        result = wrk(peer, seconds)
                    if n:  # The first round warms up.
                        results.setdefault(peer.name, []).append(result)
                    print(f"round {n}  {peer.name:<50} {result.rate:>9,.0f}/s  p99 {result.p99_ms:.2f} ms", flush=True)
            memory = shortener.web.memory_info().rss / 1e6
        finally:
            shortener.product.end()
    return results, memory


def table(results: dict[str, list[Round]], memory: float, rounds: int, seconds: float) -> str:
    rates = {name: [r.rate for r in found] for name, found in results.items()}
    medians = {name: statistics.median(found) for name, found in rates.items()}
    bare = next(median for name, median in medians.items() if name.startswith("bare"))
    lua = next((median for name, median in medians.items() if "Lua" in name), None)
    lines = [
        "| one process on one core | redirects/s | lowest – highest | p99 | of bare uvicorn | of nginx + Lua |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, median in sorted(medians.items(), key=lambda item: -item[1]):
        p99 = statistics.median(r.p99_ms for r in results[name])
        spread = f"{min(rates[name]):,.0f} – {max(rates[name]):,.0f}"
        of_lua = f"{median / lua:.2f}" if lua else "–"
        lines.append(f"| {name} | {median:,.0f} | {spread} | {p99:.1f} ms | {median / bare:.2f} | {of_lua} |")
    lines += [
        "",
        f"Medians of {rounds} alternating rounds of {seconds:g} s; wrk with {CONNECTIONS} connections on another core; "
        f"Redis where the system puts it. The web process had {memory:.0f} MB at the end.",
    ]
    return "\n".join(lines)


def write(section: str, text: str) -> None:
    """Replace what stands between the section's markers in the page."""
    page = PAGE.read_text()
    start, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    assert start in page
    assert end in page
    PAGE.write_text(page[: page.index(start) + len(start)] + f"\n{text}\n" + page[page.index(end) :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--links", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed")
    results, memory = measure(options.rounds, options.seconds, options.links)
    text = table(results, memory, options.rounds, options.seconds)
    print(text)
    if options.write:
        write("redirects", text)


if __name__ == "__main__":
    main()
