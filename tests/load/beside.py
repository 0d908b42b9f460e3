"""What features cost a plain redirect: rates beside those of a product without them, by turns on one core.

    python -m tests.load.beside [--checkout FOLDER] [--links 100000] [--listeners 1000] [--write]

One product is as it comes, one has no dashboard, one has idle listeners of live figures, and with `--checkout` one is
another version. What counts are ratios of the same round, since absolute rates are those of the machine.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.load.heads import BROWSER_HEAD
from tests.load.live import Listeners
from tests.load.page import table, write
from tests.load.runner import CONNECTIONS, SERVER_CORE, TOOL, run
from tests.load.subject import Subject, pin, running

PLAIN = "this version"


# Of each side, in MB: the resident memory of its web process, and its part of that, since processes share much of it.
Memory = dict[str, tuple[float, float]]


class Side(NamedTuple):
    name: str
    subject: Subject


class Beside(NamedTuple):
    """Rates per second of one round and link."""

    rate: float
    plain_rate: float

    @property
    def ratio(self) -> float:
        return self.rate / self.plain_rate


@contextlib.contextmanager
def sides(options: argparse.Namespace) -> Iterator[list[Side]]:
    limits = {"live_connections": options.listeners + 500, "live_connections_per_user": options.listeners + 500}
    settings: dict[str, dict[str, object]] = {PLAIN: {}, "without the dashboard": {"dashboard": "false"}}
    listened = f"with {options.listeners:,} idle listeners"
    settings[listened] = dict(limits)
    if options.checkout:
        place = options.checkout.resolve()
        settings[f"version {place.name}"] = {"python_path": str(place), "popen": {"cwd": place}}
    with contextlib.ExitStack() as stack:
        found = []
        for name, chosen in settings.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            subject = stack.enter_context(running(folder, options.links, **chosen))
            pin(subject.webs[0], SERVER_CORE)
            found.append(Side(name, subject))
            if name == listened:
                stack.enter_context(listening(subject, options.listeners))
        yield found


@contextlib.contextmanager
def listening(subject: Subject, count: int) -> Iterator[None]:
    """So many listeners of a link that nobody follows."""
    with subject.product.client() as client:
        link = client.post("/api/v1/links", json={"url": "https://example.com/"}).raise_for_status().json()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    listeners = Listeners(subject.product.url, f"link:{link['id']}")
    try:
        asyncio.run_coroutine_threadsafe(listeners.open(count), loop).result()
        yield
    finally:
        asyncio.run_coroutine_threadsafe(listeners.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def measure(options: argparse.Namespace) -> tuple[dict[str, dict[str, list[Beside]]], Memory]:
    """The rounds of each side by link, and the memory of its web process."""
    found: dict[str, dict[str, list[Beside]]] = {}
    with sides(options) as those:
        # The clicks of many links keep the database busy for a while after a round.
        for spread in (False, True):
            for n in range(options.rounds + 1):
                link = f"spread over {options.links:,} links" if spread else "one hot link"
                rates = {}
                # Each side comes first in turn: what one leaves behind slows down the next.
                for name, subject in (*those[n % len(those) :], *those[: n % len(those)]):
                    target = (subject.spread if spread else subject.hot).with_head(BROWSER_HEAD)
                    with subject.without_worker():
                        rates[name] = run(target, options.seconds).rate
                    print(f"round {n}  {link:<30} {name:<30} {rates[name]:>9,.0f}/s", flush=True)
                for name, rate in rates.items() if n else ():  # The first round warms up.
                    found.setdefault(name, {}).setdefault(link, []).append(Beside(rate, rates[PLAIN]))
        memory_mb = {name: (subject.rss_mb(), subject.pss_mb()) for name, subject in those}
    return found, memory_mb


def interval(ratios: list[float]) -> str:
    """In which the median lies, by the percentile bootstrap: the middle 95 of 100 medians of resampled rounds."""
    draw = random.Random(0)
    medians = sorted(statistics.median(draw.choices(ratios, k=len(ratios))) for _ in range(1000))
    return f"{medians[25]:.2f} – {medians[974]:.2f}"


def report(found: dict[str, dict[str, list[Beside]]], memory_mb: Memory, options: argparse.Namespace) -> str:
    rows = []
    for name, links in found.items():
        for link, rounds in links.items():
            ratios = [one.ratio for one in rounds]
            rate = f"{statistics.median(one.rate for one in rounds):,.0f}"
            memory = (f"{mb:.0f} MB" for mb in memory_mb[name])
            rows.append((name, link, rate, f"{statistics.median(ratios):.3f}", interval(ratios), *memory))
    head = ("one web process", "link", "answers/s", f"of {PLAIN}", "95 % interval", "resident", "its part")
    return (
        f"{table(head, rows)}\n\nMedians of {options.rounds} alternating rounds of {options.seconds:g} s with a "
        f"browser's head; {TOOL} with {CONNECTIONS} connections."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", type=Path, help="another version, to be measured as well")
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--links", type=int, default=100_000)
    parser.add_argument("--listeners", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    text = report(*measure(options), options)
    print(text)
    if options.write:
        write("beside", text)


if __name__ == "__main__":
    main()
