"""Clicks per second of the worker on one core, beside a bare COPY of the same rows, as a Markdown table of medians.

    python -m tests.load.bench_worker [--clicks 300000] [--rounds 5]

Starts the product, stops its worker (SIGSTOP) while the stream is filled with sealed clicks, and measures how long it
takes until the stream is empty: all is committed then, and acknowledged. The worker has one core for itself;
PostgreSQL, Valkey and whatever else belongs to it have the other. COPY writes the same rows into a table like `clicks`,
without counts, visitors and ledger, from one process on the worker's core.
"""

import argparse
import asyncio
import os
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import asyncpg
import psutil

from shortener.clicks.stream import DEAD_STREAM, STREAM, ClickStream, Sealer
from shortener.clicks.writer import COLUMNS
from shortener.processes.embedded.data_directory import DataDirectory
from shortener.stores.redis import create_redis
from tests.e2e.product import Product, running
from tests.load.realistic import Traffic

WORKER_CORE, SERVER_CORE = 0, 1
SECRET = "a secret of the benchmark, long enough"
BATCHES_A_ROUND_TRIP = 100


class Round(NamedTuple):
    """Clicks per second, and processor time of the worker and of PostgreSQL in microseconds per click."""

    worker: float
    cpu_us: float
    postgres_us: float
    copy: float


def pin(processes: list[psutil.Process], core: int) -> None:
    for process in processes:
        for thread in process.threads():
            os.sched_setaffinity(thread.id, {core})


class Bench:
    def __init__(self, product: Product, clicks: int) -> None:
        run = DataDirectory(product.data_dir).read_run_file()
        assert run is not None
        self._clicks = clicks
        self._database_url = run.database_url.replace("+asyncpg", "")
        self._redis = create_redis(run.redis_url)
        self._stream = ClickStream(self._redis, Sealer(SECRET))
        self._traffic = Traffic()
        [self._worker] = product.named("shortener worker")
        [self._postgres] = product.named("bin/postgres")
        pin([each for each in product.family() if each.pid != self._worker.pid], SERVER_CORE)
        pin([self._worker], WORKER_CORE)
        os.sched_setaffinity(0, {SERVER_CORE})

    async def rounds(self, number: int) -> list[Round]:
        self._database = await asyncpg.connect(self._database_url)
        await self._database.execute("CREATE TABLE copied (LIKE clicks INCLUDING ALL)")
        found = []
        for n in range(number + 1):
            each = Round(*await self._drain(), await self._copy())
            print(f"round {n}", *(f"{name} {value:,.1f}" for name, value in each._asdict().items()), flush=True)
            found.append(each)
        stored = await self._database.fetchval("SELECT count(*) FROM clicks")
        counted = await self._database.fetchval("SELECT sum(clicks + bots) FROM click_totals")
        assert stored == counted == self._clicks * len(found), (stored, counted)
        assert await self._redis.xlen(DEAD_STREAM) == 0
        await self._database.close()
        await self._stream.close()
        await self._redis.aclose()
        return found[1:]  # The first round warms up.

    async def _drain(self) -> tuple[float, float, float]:
        self._worker.send_signal(signal.SIGSTOP)
        waiting = []
        for batch in self._traffic.batches(self._clicks):
            waiting.append(batch)
            if len(waiting) == BATCHES_A_ROUND_TRIP:
                await self._stream.append(waiting)
                waiting = []
        if waiting:
            await self._stream.append(waiting)
        before_us = self._cpu_us()
        began_at_s = time.perf_counter()
        self._worker.send_signal(signal.SIGCONT)
        while await self._redis.xlen(STREAM):
            await asyncio.sleep(0.01)
        taken_s = time.perf_counter() - began_at_s
        worker_us, postgres_us = (after - before for after, before in zip(self._cpu_us(), before_us, strict=True))
        return self._clicks / taken_s, worker_us / self._clicks, postgres_us / self._clicks

    def _cpu_us(self) -> tuple[float, float]:
        """Of the worker, and of PostgreSQL, whose connections last."""

        def used_us(processes: list[psutil.Process]) -> float:
            return sum(1e6 * (each.cpu_times().user + each.cpu_times().system) for each in processes)

        return used_us([self._worker]), used_us([self._postgres, *self._postgres.children()])

    async def _copy(self) -> float:
        rows = await self._database.fetch(
            f"SELECT {', '.join(COLUMNS)} FROM clicks ORDER BY id DESC LIMIT {self._clicks}"
        )
        records = [tuple(row) for row in reversed(rows)]
        await self._database.execute("TRUNCATE copied")
        os.sched_setaffinity(0, {WORKER_CORE})
        began_at_s = time.perf_counter()
        await self._database.copy_records_to_table("copied", records=records, columns=COLUMNS)
        taken_s = time.perf_counter() - began_at_s
        os.sched_setaffinity(0, {SERVER_CORE})
        return self._clicks / taken_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "data", secret_key=SECRET) as product:
        rounds = asyncio.run(Bench(product, options.clicks).rounds(options.rounds))
        product.stop()
    copy = statistics.median(each.copy for each in rounds)
    print("\n| | clicks/s | lowest – highest | of COPY |\n|---|---:|---:|---:|")
    for name, rates in (
        ("worker, one core", [each.worker for each in rounds]),
        ("bare COPY", [each.copy for each in rounds]),
    ):
        median = statistics.median(rates)
        print(f"| {name} | {median:,.0f} | {min(rates):,.0f} – {max(rates):,.0f} | {median / copy:.2f} |")
    worker_us, postgres_us = (statistics.median(getattr(r, name) for r in rounds) for name in ("cpu_us", "postgres_us"))
    print(f"\nProcessor time a click: the worker's {worker_us:.1f} µs, PostgreSQL's {postgres_us:.1f} µs.")


if __name__ == "__main__":
    main()
