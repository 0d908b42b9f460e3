"""Measures the gain of a second web process on a machine without a spare core.

Each process gets half of the servers' core: it runs and is stopped in turns of a few milliseconds, and of two processes
one runs while the other is stopped. Two of them together then have what one has that is never stopped. What they
share, Redis above all, would show as less than twice the rate of one.
"""

import contextlib
import os
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psutil

from shortener.processes.embedded.data_directory import DataDirectory
from tests.e2e.product import command, free_port
from tests.load import frame, page
from tests.load.peers import CODE, process, wait_for_port
from tests.load.runner import CONNECTIONS, SERVER_CORE, TOOL, Round, Target, run, summarise
from tests.load.subject import HIGH_LIMITS, Subject, pin, running

# Shorter than what a redirect waits for Redis, by far.
TURN_S = 0.01
LEAST_RATIO = 1.8


class Web(NamedTuple):
    process: psutil.Process
    target: Target


@contextlib.contextmanager
def second_web(subject: Subject) -> Iterator[Web]:
    """On separate ports, so that each process gets its own connections, whichever is running when they are opened."""
    data, port = DataDirectory(subject.product.data_dir), free_port()
    servers = {"database_url": subject.run.database_url, "redis_url": subject.run.redis_url}
    settings = HIGH_LIMITS | servers | {"secret_key": data.secret_key(), "port": port}
    argv, environment = command("web", "--workers", "1", data_dir=data.path, **settings)
    with process(*argv, env=environment) as running:
        wait_for_port(port)
        yield Web(psutil.Process(running.pid), Target("second", f"http://127.0.0.1:{port}/{CODE}"))


@contextlib.contextmanager
def taking_turns(*groups: Sequence[psutil.Process]) -> Iterator[None]:
    """Only one group runs at a time, for TURN_S each; an empty one leaves the time unused."""
    is_over = threading.Event()

    def turn() -> None:
        while not is_over.is_set():
            for group in groups:
                for other in groups:
                    if other is not group:
                        _signal(other, signal.SIGSTOP)
                _signal(group, signal.SIGCONT)
                is_over.wait(TURN_S)
        for group in groups:
            _signal(group, signal.SIGCONT)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _signal(group: Sequence[psutil.Process], number: signal.Signals) -> None:
    for one in group:
        os.kill(one.pid, number)


class Outcome(NamedTuple):
    rate: Round
    cpu: float


def load(webs: Sequence[Web], seconds: float) -> Outcome:
    """On all of them at once: the sum of their rates, and of the cores that they used."""
    before_s = sum(sum(web.process.cpu_times()[:2]) for web in webs)
    with ThreadPoolExecutor(len(webs)) as pool:
        rounds = list(pool.map(lambda web: run(web.target, seconds, CONNECTIONS // len(webs)), webs))
    used_s = sum(sum(web.process.cpu_times()[:2]) for web in webs) - before_s
    return Outcome(Round(sum(one.rate for one in rounds), max(one.p99_ms for one in rounds)), used_s / seconds)


def measure(rounds: int, seconds: float) -> dict[str, list[Outcome]]:
    results: dict[str, list[Outcome]] = {}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), 1) as subject, second_web(subject) as second:
        first = Web(subject.webs[0], subject.hot)
        for web in (first, second):
            pin(web.process, SERVER_CORE)
        cases = {
            "one web process, half a core": ([first], ([first.process], [])),
            "two web processes, half a core each": ([first, second], ([first.process], [second.process])),
            "one web process, a whole core": ([first], ()),
        }
        for n, counts in frame.counted(rounds):
            for name, (webs, groups) in cases.items():
                with subject.without_worker(), taking_turns(*groups) if groups else contextlib.nullcontext():
                    outcome = load(webs, seconds)
                if counts:
                    results.setdefault(name, []).append(outcome)
                print(f"round {n}  {name:<40} {outcome.rate.rate:>9,.0f}/s  {outcome.cpu:.2f} cores", flush=True)
    return results


def main() -> None:
    options = frame.options(__doc__, "processes")
    results = measure(options.rounds, options.seconds)
    found = {name: summarise([outcome.rate for outcome in outcomes]) for name, outcomes in results.items()}
    one, two = [summary.median for summary in found.values()][:2]
    rows = [
        (
            name,
            f"{summary.median:,.0f}",
            summary.spread,
            f"{sum(outcome.cpu for outcome in results[name]) / options.rounds:.2f}",
            f"{summary.median / one:.2f}",
        )
        for name, summary in found.items()
    ]
    head = ("one hot link", "redirects/s", "lowest – highest", "cores used by web", "ratio")
    frame.tell(
        options,
        f"{page.table(head, rows)}\n\nMedians of {options.rounds} alternating rounds of {options.seconds:g} s; "
        f"{TOOL} with {CONNECTIONS} connections in all on another core.",
    )
    frame.end(two / one, LEAST_RATIO, "times the rate of one")


if __name__ == "__main__":
    main()
