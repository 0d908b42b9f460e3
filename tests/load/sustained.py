"""A fixed rate of redirects for minutes, with everything on the same cores: load, web, worker, PostgreSQL and Valkey.

The promise is kept when all are answered at that rate, what is not yet in PostgreSQL does not grow, and every click is
there, once, within SETTLED_WITHIN_S of the last answer.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import psutil
from redis.asyncio import Redis

from shortener.clicks.stream import STREAM
from tests.load import page
from tests.load.subject import Subject, running

SETTLED_WITHIN_S = 5.0
GIVEN_UP_AFTER_S = 300.0
SETTLE_POLL_S = 0.1
# Of the rate that was asked for: less is not kept.
LEAST_SHARE = 0.99
# In seconds' worth of clicks: growth of the backlog from the first third to the last that is still accepted.
MOST_GROWTH_S = 1.0
_STORED_SQL = "SELECT coalesce(sum(clicks + bots), 0)::bigint FROM click_totals"


class Sample(NamedTuple):
    """At one moment: redirects answered, clicks in PostgreSQL, batches in the stream, requests that wait to be sent."""

    elapsed_s: float
    answered: int
    stored: int
    entries: int
    waiting: int

    @property
    def behind(self) -> int:
        return self.answered - self.stored


class Outcome(NamedTuple):
    """`settled_s`: from the last answer until every click was stored; `cores` by process; `answers` of the client."""

    answers: dict[str, Any]
    samples: list[Sample]
    settled_s: float
    stored: int
    rows: int
    cores: dict[str, float]
    web_mb: float


class Books:
    """Counts of stored clicks."""

    def __init__(self, connection: asyncpg.Connection, redis: Redis) -> None:
        self._connection = connection
        self._redis = redis

    async def stored(self) -> int:
        found: int = await self._connection.fetchval(_STORED_SQL)
        return found

    async def rows(self) -> int:
        found: int = await self._connection.fetchval("SELECT count(*) FROM clicks")
        return found

    async def entries(self) -> int:
        return int(await self._redis.xlen(STREAM))

    async def settled_s(self, answered: int, last_answer_at: float) -> float:
        """When every click was stored; or when it was given up."""
        while time.time() - last_answer_at < GIVEN_UP_AFTER_S:
            if await self.stored() >= answered:
                break
            await asyncio.sleep(SETTLE_POLL_S)
        return time.time() - last_answer_at


def processes(subject: Subject, client_pid: int) -> dict[str, list[psutil.Process]]:
    groups = {name: subject.product.named(name) for name in ("shortener web", "shortener worker", "postgres", "valkey")}
    return groups | {"load": [psutil.Process(client_pid)], "measuring": [psutil.Process()]}


def cpu_s(group: Sequence[psutil.Process]) -> float:
    """Processor time of these processes and their children, including children that have ended."""
    used_s = 0.0
    for process in group:
        times = process.cpu_times()
        used_s += times.user + times.system + times.children_user + times.children_system
        for child in process.children(recursive=True):
            used_s += sum(child.cpu_times()[:2])
    return used_s


async def measure(subject: Subject, rate: float, seconds: float, connections: int) -> Outcome:
    run = subject.run
    books = Books(await asyncpg.connect(run.database_url.replace("+asyncpg", "")), Redis.from_url(run.redis_url))
    before = await books.stored(), await books.rows()
    options = {"rate": rate, "seconds": seconds, "links": subject.links, "connections": connections}
    client = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.load.visitors",
        subject.product.url,
        *(f"--{name}={value:g}" for name, value in options.items()),
        stdout=asyncio.subprocess.PIPE,
    )
    assert client.stdout is not None
    samples: list[Sample] = []
    answers: dict[str, Any] = {}
    used_s: dict[str, float] = {}
    groups = processes(subject, client.pid)
    async for line in client.stdout:
        seen = json.loads(line)
        if "statuses" in seen:
            answers = seen
            break
        now_used_s = {name: cpu_s(group) for name, group in groups.items() if name != "measuring"}
        now_used_s["measuring"] = sum(psutil.Process().cpu_times()[:2])
        if not samples:
            began, began_used_s = seen["elapsed_s"], now_used_s
        used_s, ended = now_used_s, seen["elapsed_s"]
        stored, entries = await books.stored() - before[0], await books.entries()
        samples.append(Sample(seen["elapsed_s"], seen["answered"], stored, entries, seen["waiting"]))
        if len(samples) % 10 == 1:
            print(f"{samples[-1]} behind {samples[-1].behind}", flush=True)
    answered = sum(answers["statuses"].values())
    settled_s = await books.settled_s(before[0] + answered, answers["last_answer_at"])
    await client.wait()
    return Outcome(
        answers,
        samples,
        settled_s,
        await books.stored() - before[0],
        await books.rows() - before[1],
        {name: (used_s[name] - began_used_s[name]) / max(ended - began, 1) for name in used_s},
        sum(web.memory_info().rss for web in subject.webs) / 1e6,
    )


def thirds(samples: Sequence[Sample]) -> list[float]:
    """Medians of the clicks that were answered and not yet stored, in each third of the time."""
    size = max(len(samples) // 3, 1)
    return [statistics.median(sample.behind for sample in samples[n * size :][:size]) for n in range(3)]


def broken_promises(outcome: Outcome, rate: float) -> list[str]:
    answered = outcome.answers["statuses"].get("302", 0)
    first, _, last = thirds(outcome.samples)
    found = {
        f"{outcome.answers['rate']:,.0f} a second": outcome.answers["rate"] < LEAST_SHARE * rate,
        f"answers {outcome.answers['statuses']}": outcome.answers["statuses"].keys() != {"302"},
        f"{outcome.answers['unanswered']} unanswered": outcome.answers["unanswered"] > 0,
        f"{answered:,} answered, {outcome.stored:,} counted, {outcome.rows:,} rows": not (
            answered == outcome.stored == outcome.rows
        ),
        f"stored only after {outcome.settled_s:.1f} s": outcome.settled_s > SETTLED_WITHIN_S,
        f"waiting clicks grew from {first:,.0f} to {last:,.0f}": last - first > MOST_GROWTH_S * rate,
    }
    return [text for text, is_broken in found.items() if is_broken]


def report(outcome: Outcome, rate: float, seconds: float, subject: Subject, connections: int) -> str:
    answers = outcome.answers
    answered = sum(answers["statuses"].values())
    first, second, third = thirds(outcome.samples)
    oldest = max(sample.behind for sample in outcome.samples)
    rows = [
        ("redirects asked for", f"{rate:,.0f}/s for {seconds:g} s"),
        ("answered", f"{answered:,} ({answers['rate']:,.0f}/s)"),
        ("clicks in PostgreSQL", f"{outcome.rows:,}, and {outcome.stored:,} in its counts"),
        ("every click there after the last answer", f"{outcome.settled_s:.1f} s"),
        ("answered and not yet stored, by thirds of the time", f"{first:,.0f}, {second:,.0f}, {third:,.0f} clicks"),
        ("at most", f"{oldest:,} clicks"),
        (
            "answered within, counted from when it was due",
            f"p50 {answers['p50_ms']:.1f} ms, p99 {answers['p99_ms']:.1f} ms",
        ),
    ]
    cores = ", ".join(f"{name.removeprefix('shortener ')} {share:.2f}" for name, share in outcome.cores.items())
    rows += [
        ("cores used", f"{sum(outcome.cores.values()):.2f} of {psutil.cpu_count()}: {cores}"),
        ("memory", f"{len(subject.webs)} web processes, {outcome.web_mb / len(subject.webs):.0f} MB each"),
    ]
    return (
        f"{page.table(('everything on the same cores', ''), rows)}\n\n"
        f"{subject.links:,} links, followed by Zipf's law over {connections} connections."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=10_000, help="redirects per second")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--links", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--web-processes", type=int, default=psutil.cpu_count())
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    settings = {"web_processes": options.web_processes, "trusted_proxies": "127.0.0.1"}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), options.links, **settings) as subject:
        outcome = asyncio.run(measure(subject, options.rate, options.seconds, options.connections))
        text = report(outcome, options.rate, options.seconds, subject, options.connections)
    print(text)
    if options.write:
        page.write("sustained", text)
    broken = broken_promises(outcome, options.rate)
    sys.exit("; ".join(broken) if broken else 0)


if __name__ == "__main__":
    main()
