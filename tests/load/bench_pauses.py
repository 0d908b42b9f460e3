"""What redirects feel of each route's most expensive request, which four clients repeat, as a Markdown table.

    python -m tests.load.bench_pauses [--rounds 2] [--seconds 1] [--only WORD] [--keep FILE] [--write]

The longest pause of the event loop, in processor time, and the p99 of redirects that are asked for at a steady rate,
beside the p99 while nobody asks for anything else.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil

from shortener.processes.embedded.data_directory import DataDirectory
from tests.accounts.oidc.provider import CLIENT_ID, CLIENT_SECRET, provider_process
from tests.e2e.product import command, free_port
from tests.load import page
from tests.load.costly.routes import COSTLY
from tests.load.costly.world import Act, World, make_world
from tests.load.peers import CODE, wait_for_port
from tests.load.runner import LOAD_CORE, SERVER_CORE
from tests.load.subject import Subject, pin, running

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
CLIENTS = 4
RATE, CONNECTIONS = 500, 8
PREFERRED_NICE = -15
# After so many routes nothing else is asked for, for once.
IDLE_AFTER = 5
IDLE = "idle"
MOST_PAUSE_MS, MOST_RATIO = 25.0, 5.0

_fork = multiprocessing.get_context("fork")


class Web(NamedTuple):
    process: subprocess.Popen[str]
    url: str

    def pause_ms(self) -> float:
        """The longest pause since it was last asked for."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


class Felt(NamedTuple):
    """`acts` is how often it was repeated."""

    acts: float
    pause_ms: float
    p99_ms: float


@contextlib.contextmanager
def watched_web(subject: Subject, issuer: str) -> Iterator[Web]:
    """Beside the subject's own, on the same servers, on a core of its own."""
    data, port = DataDirectory(subject.product.data_dir), free_port()
    limits = dict.fromkeys(
        ("limit_api", "limit_account", "limit_login", "limit_redirect", "limit_miss", "limit_password"), "off"
    )
    limits |= dict.fromkeys(("limit_api_bytes", "limit_account_bytes"), "off")
    settings = limits | {
        "database_url": subject.run.database_url,
        "redis_url": subject.run.redis_url,
        "secret_key": data.secret_key(),
        "port": port,
        "registration": "open",
        "oidc_issuer": issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_registration": "true",
        "log_level": "error",
    }
    _, environment = command("web", data_dir=data.path, **settings)
    argv = [sys.executable, "-m", "tests.load.watched_web"]
    with subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_for_port(port)
            measured = psutil.Process(process.pid)
            pin(measured, SERVER_CORE)
            for each in (measured, *subject.product.named("valkey")):
                _prefer(each)
            yield Web(process, f"http://127.0.0.1:{port}")
        finally:
            process.kill()


def _prefer(process: psutil.Process) -> None:
    """Other work of the machine is not the route's fault."""
    with contextlib.suppress(psutil.AccessDenied):
        process.nice(PREFERRED_NICE)


def p99_ms(web: Web, seconds: float) -> float:
    """Of redirects, asked for by a program that runs as soon as it has something to do. Raises AssertionError when one
    was not answered."""
    options = (f"--seconds={seconds:g}", f"--rate={RATE}", f"--connections={CONNECTIONS}")
    argv = ["taskset", "-c", str(LOAD_CORE), sys.executable, "-m", "tests.load.client", f"{web.url}/{CODE}", *options]
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True, preexec_fn=_hurry)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["statuses"].keys() == {"302"}, found
    return float(found["p99_ms"])


def _hurry() -> None:
    # All that it waits for is the server.
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def repeat(act: Act, world: World, until_s: float, counts: Any) -> None:
    """Until then, with connections of its own."""
    os.sched_setaffinity(0, {LOAD_CORE})
    url, headers = world.client.base_url, world.client.headers
    own = world._replace(
        client=httpx.Client(base_url=url, headers=headers, timeout=60), stranger=httpx.Client(base_url=url, timeout=60)
    )
    while time.monotonic() < until_s:
        act(own)
        with counts.get_lock():
            counts.value += 1


def felt(act: Act, world: World, web: Web, seconds: float) -> Felt:
    counts = _fork.Value("i", 0)
    until_s = time.monotonic() + seconds + 0.5
    clients = [_fork.Process(target=repeat, args=(act, world, until_s, counts)) for _ in range(CLIENTS)]
    web.pause_ms()
    for client in clients:
        client.start()
    found = p99_ms(web, seconds)
    pause_ms = web.pause_ms()
    for client in clients:
        client.join()
    assert {client.exitcode for client in clients} == {0}, act
    return Felt(counts.value, pause_ms, found)


def acts() -> dict[Act, list[str]]:
    """The routes of each act: one act may be the most expensive that several allow."""
    found: dict[Act, list[str]] = {}
    for (method, path), those in COSTLY.items():
        for act in those:
            found.setdefault(act, []).append(f"{method.upper()} {path}")
    return found


def measure(web: Web, world: World, options: argparse.Namespace) -> Iterator[tuple[str, Felt]]:
    """The delay of each act in each round, by its name; IDLE is without any."""
    chosen = [
        (f"{', '.join(names)} {n}", act) for n, (act, names) in enumerate(acts().items()) if options.only in names[0]
    ]
    # Load and compile everything once.
    for _, act in chosen:
        act(world)
    p99_ms(web, 1)
    for _ in range(options.rounds):
        world.log_in()
        for n, (name, act) in enumerate(chosen):
            if n % IDLE_AFTER == 0:
                yield IDLE, Felt(0, web.pause_ms(), p99_ms(web, options.seconds))
            yield name, felt(act, world, web, options.seconds)


def by_route(rounds: dict[str, list[Felt]]) -> dict[str, Felt]:
    """Of several rounds the median, of several acts of a route the worst."""
    medians = {name: Felt(*map(statistics.median, zip(*of_act, strict=True))) for name, of_act in rounds.items()}
    found: dict[str, list[Felt]] = {}
    for n, names in enumerate(acts().values()):
        for name in names:
            found.setdefault(name, []).extend(felt for key, felt in medians.items() if key.endswith(f" {n}"))
    return {name: Felt(*map(max, zip(*those, strict=True))) for name, those in found.items() if those}


def report(found: dict[str, Felt], idle_ms: float, rounds: int, seconds: float) -> str:
    rows = [
        (f"`{name}`", f"{one.pause_ms:.1f} ms", f"{one.p99_ms:.1f} ms", f"{one.p99_ms / idle_ms:.1f}")
        for name, one in found.items()
    ]
    head = ("repeated by four clients", "longest pause", "p99 of redirects", "times idle")
    return (
        f"{page.table(head, rows)}\n\nWithout them the p99 of redirects is {idle_ms:.1f} ms. {RATE} redirects per "
        f"second are requested; medians of {rounds} rounds of {seconds:g} s each."
    )


def run(options: argparse.Namespace) -> None:
    """Measure, and write down each measurement, a line of JSON each."""
    with (
        options.keep.open("a") as kept,
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), 1) as subject,
        provider_process() as (issuer, _),
        watched_web(subject, issuer) as web,
    ):
        world = asyncio.run(make_world(web.url, subject.run.database_url))
        for name, one in measure(web, world, options):
            print(f"{name:60} {one}", flush=True)
            print(json.dumps([name, one]), file=kept, flush=True)


def read(path: Path) -> dict[str, list[Felt]]:
    found: dict[str, list[Felt]] = {}
    for line in path.read_text().splitlines():
        name, values = json.loads(line)
        found.setdefault(name, []).append(Felt(*values))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a file with rounds of before, to which these are added")
    parser.add_argument("--seconds", type=float, default=1, help="for each route")
    parser.add_argument("--only", default="", help="routes with this in their path")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options.keep = options.keep or Path(folder, "rounds")
        run(options)
        rounds = read(options.keep)
    idle_ms = statistics.median(one.p99_ms for one in rounds.pop(IDLE))
    found = by_route(rounds)
    text = report(found, idle_ms, min(map(len, rounds.values())), options.seconds)
    print(text)
    if options.write:
        page.write("pauses", text, PAGE)
    slow = [
        f"{name} {one}"
        for name, one in found.items()
        if one.pause_ms > MOST_PAUSE_MS or one.p99_ms > MOST_RATIO * idle_ms
    ]
    sys.exit("\n".join(slow) or 0)


if __name__ == "__main__":
    main()
