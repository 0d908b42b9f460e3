"""Links per second that the API creates, beside bare asyncpg that inserts as many rows into a table of the same shape.

`python -m tests.load.bench_create --write` starts one web process, the worker and both servers on a new folder, and
loads them from this process. Rounds alternate; what counts are ratios of medians. A round ends only when the search
index holds its links, so that none leaves work to the next.
"""

import argparse
import asyncio
import contextlib
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import asyncpg
import orjson

from shortener.links.codes import generate_codes
from shortener.processes.embedded.data_directory import DataDirectory
from tests.e2e.product import Product
from tests.load.bench import write

LINKS_A_REQUEST = 1000
BULK_AT_ONCE, SINGLE_AT_ONCE = 4, 16
PEER_TABLE = "links_of_peer"
WORDS = ("news", "article", "shop", "product", "home", "about", "blog", "guide", "summer", "sale", "cart", "video")

Task = Callable[[], Awaitable[None]]


class Round(NamedTuple):
    """`rate` is in links per second, `p50_ms` is how long a request takes."""

    rate: float
    p50_ms: float


def made_up_url() -> str:
    host, *path = random.choices(WORDS, k=5)
    return f"https://www.{host}{random.randrange(1000)}.com/{'/'.join(path)}-{random.randrange(10**6)}?utm_source=mail"


def request(host: str, path: str, body: object) -> bytes:
    content = orjson.dumps(body)
    lines = (
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + content


class Client:
    """Requests are made beforehand and little is read of the answers: the load must not be the limit."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def post(self, content: bytes, status: bytes, part: bytes) -> Task:
        """Sends the request, and fails unless the answer has this status and this part."""

        async def send() -> None:
            self._writer.write(content)
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await self._reader.readexactly(length)
            if status not in head[:20] or part not in body:
                raise RuntimeError(f"{head!r} {body[:500]!r}")

        return send


class Bench:
    """Each measurement is one round of this many requests."""

    def __init__(self, port: int, database_url: str) -> None:
        self._port = port
        self._host = f"127.0.0.1:{port}"
        self._database_url = database_url

    async def bulk(self, requests: int) -> Round:
        made = b'"created":%d,' % LINKS_A_REQUEST
        bodies = [
            request(
                self._host, "/api/v1/links/bulk", {"links": [{"url": made_up_url()} for _ in range(LINKS_A_REQUEST)]}
            )
            for _ in range(requests)
        ]
        async with self._clients(BULK_AT_ONCE) as clients, self._connections(1) as [connection]:
            tasks = [client.post(body, b" 200 ", made) for client, body in self._dealt(clients, bodies)]
            return await timed(tasks, BULK_AT_ONCE, LINKS_A_REQUEST, self._merge(connection, "links"))

    async def single(self, requests: int, at_once: int) -> Round:
        bodies = [request(self._host, "/api/v1/links", {"url": made_up_url()}) for _ in range(requests)]
        async with self._clients(at_once) as clients, self._connections(1) as [connection]:
            tasks = [client.post(body, b" 201 ", b'"code":') for client, body in self._dealt(clients, bodies)]
            return await timed(tasks, at_once, 1, self._merge(connection, "links"))

    async def copy(self, requests: int) -> Round:
        def copy(connection: asyncpg.Connection, rows: list[tuple[str, str]]) -> Task:
            return lambda: connection.copy_records_to_table(PEER_TABLE, records=rows, columns=["code", "url"])

        batches = [[(code, made_up_url()) for code in generate_codes(7, LINKS_A_REQUEST)] for _ in range(requests)]
        async with self._connections(BULK_AT_ONCE) as connections, self._peer_table() as merge:
            tasks = [copy(connection, rows) for connection, rows in self._dealt(connections, batches)]
            return await timed(tasks, BULK_AT_ONCE, LINKS_A_REQUEST, merge)

    async def insert(self, requests: int) -> Round:
        def insert(connection: asyncpg.Connection, code: str) -> Task:
            statement = f"INSERT INTO {PEER_TABLE} (code, url) VALUES ($1, $2) RETURNING *"
            return lambda: connection.fetchrow(statement, code, made_up_url())

        async with self._connections(SINGLE_AT_ONCE) as connections, self._peer_table() as merge:
            tasks = [
                insert(connection, code) for connection, code in self._dealt(connections, generate_codes(7, requests))
            ]
            return await timed(tasks, SINGLE_AT_ONCE, 1, merge)

    @staticmethod
    def _dealt(workers: Sequence, work: Sequence) -> Iterator[tuple]:
        """As cards are: `timed` gives each worker its own again."""
        return zip(itertools.cycle(workers), work, strict=False)

    @contextlib.asynccontextmanager
    async def _clients(self, count: int) -> AsyncIterator[list[Client]]:
        streams = [await asyncio.open_connection("127.0.0.1", self._port, limit=2**20) for _ in range(count)]
        try:
            yield [Client(*stream) for stream in streams]
        finally:
            for _, writer in streams:
                writer.close()

    @contextlib.asynccontextmanager
    async def _connections(self, count: int) -> AsyncIterator[list[asyncpg.Connection]]:
        connections = [await asyncpg.connect(self._database_url) for _ in range(count)]
        try:
            yield connections
        finally:
            for connection in connections:
                await connection.close()

    @contextlib.asynccontextmanager
    async def _peer_table(self) -> AsyncIterator[Task]:
        """An empty table with the columns and indexes of `links`; gives what merges its search index."""
        async with self._connections(1) as [connection]:
            await connection.execute(f"DROP TABLE IF EXISTS {PEER_TABLE}")
            await connection.execute(f"CREATE TABLE {PEER_TABLE} (LIKE links INCLUDING ALL)")
            yield self._merge(connection, PEER_TABLE)

    @staticmethod
    def _merge(connection: asyncpg.Connection, table: str) -> Task:
        return lambda: connection.execute(f"""
            SELECT gin_clean_pending_list(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            JOIN pg_am ON pg_am.oid = relam WHERE indrelid = '{table}'::regclass AND amname = 'gin'
        """)


async def timed(tasks: Sequence[Task], at_once: int, links_a_task: int, then: Task) -> Round:
    taken_s: list[float] = []

    async def work(queue: Sequence[Task]) -> None:
        for task in queue:
            start_s = time.perf_counter()
            await task()
            taken_s.append(time.perf_counter() - start_s)

    start_s = time.perf_counter()
    await asyncio.gather(*(work(tasks[n::at_once]) for n in range(at_once)))
    await then()
    return Round(len(tasks) * links_a_task / (time.perf_counter() - start_s), 1000 * statistics.median(taken_s))


@contextlib.contextmanager
def product() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as folder:
        running = Product(Path(folder) / "data", web_processes=1)
        try:
            running.wait_until_ready()
            run = DataDirectory(running.data_dir).read_run_file()
            assert run is not None
            yield Bench(running.port, run.database_url.replace("+asyncpg", ""))
        finally:
            running.end()


BULK, COPY = f"bulk, {BULK_AT_ONCE} requests at once", f"bare asyncpg: COPY, {BULK_AT_ONCE} at once"
SINGLE, INSERT = f"single, {SINGLE_AT_ONCE} requests at once", f"bare asyncpg: INSERT, {SINGLE_AT_ONCE} at once"
SINGLE_ALONE = "single, one after the other"
PEERS = {BULK: COPY, SINGLE: INSERT}


async def measure(bench: Bench, rounds: int, requests: int) -> dict[str, list[Round]]:
    runs: dict[str, Callable[[], Awaitable[Round]]] = {
        BULK: lambda: bench.bulk(requests),
        COPY: lambda: bench.copy(requests),
        SINGLE: lambda: bench.single(20 * requests, SINGLE_AT_ONCE),
        INSERT: lambda: bench.insert(20 * requests),
        SINGLE_ALONE: lambda: bench.single(4 * requests, 1),
    }
    results: dict[str, list[Round]] = {}
    for n, (name, run) in itertools.product(range(rounds + 1), runs.items()):
        found = await run()
        if n:  # The first round warms up.
            results.setdefault(name, []).append(found)
        print(f"round {n}  {name:<40} {found.rate:>9,.0f}/s  a request takes {found.p50_ms:.1f} ms", flush=True)
    return results


def table(results: dict[str, list[Round]], requests: int) -> str:
    medians = {name: statistics.median(r.rate for r in found) for name, found in results.items()}
    lines = ["| | links/s | lowest – highest | a request takes | of bare asyncpg |", "|---|---:|---:|---:|---:|"]
    for name, found in results.items():
        rates = [r.rate for r in found]
        spread = f"{min(rates):,.0f} – {max(rates):,.0f}"
        ratio = f"{medians[name] / medians[PEERS[name]]:.2f}" if name in PEERS else ""
        p50_ms = statistics.median(r.p50_ms for r in found)
        lines.append(f"| {name} | {medians[name]:,.0f} | {spread} | {p50_ms:.1f} ms | {ratio} |")
    rounds = len(results[BULK])
    lines += [
        "",
        f"Medians of {rounds} alternating rounds; a bulk round has {requests} requests of {LINKS_A_REQUEST:,} links.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=50, help="bulk requests in a round")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    with product() as bench:
        results = asyncio.run(measure(bench, options.rounds, options.requests))
    text = table(results, options.requests)
    print(text)
    if options.write:
        write("creates", text)


if __name__ == "__main__":
    main()
