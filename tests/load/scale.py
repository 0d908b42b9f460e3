"""The rate with few links beside the rate with many, spread evenly over all of them, which are in Postgres and Redis.

Two products, each with one web process on the servers' core whose own memory holds next to nothing; rounds alternate.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.load import page
from tests.load.runner import CONNECTIONS, SERVER_CORE, TOOL, Round, run, summarise
from tests.load.subject import pin, running

LEAST_RATIO = 0.9
# One in a hundred of the few: chance must not serve them from memory.
MEMORY_SIZE = 100


def measure(rounds: int, seconds: float, few: int, many: int) -> dict[int, list[Round]]:
    """Rounds by the number of links."""
    results: dict[int, list[Round]] = {few: [], many: []}
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "few", few, cache_memory_size=MEMORY_SIZE) as small,
        running(Path(folder) / "many", many, cache_memory_size=MEMORY_SIZE) as large,
    ):
        for subject in (small, large):
            pin(subject.webs[0], SERVER_CORE)
        for n in range(rounds + 1):
            for subject in (small, large) if n % 2 else (large, small):
                with subject.without_worker():
                    result = run(subject.spread, seconds)
                if n:  # The first round warms up.
                    results[subject.links].append(result)
                print(f"round {n}  {subject.links:>12,} links  {result.rate:>9,.0f}/s", flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=10_000_000)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    results = measure(options.rounds, options.seconds, options.few, options.many)
    found = {links: summarise(rounds) for links, rounds in results.items()}
    base = found[options.few].median
    head = ("spread evenly over", "redirects/s", "lowest – highest", "p99", "ratio")
    rows = [
        (f"{links:,} links", f"{one.median:,.0f}", one.spread, f"{one.p99_ms:.1f} ms", f"{one.median / base:.2f}")
        for links, one in found.items()
    ]
    text = (
        f"{page.table(head, rows)}\n\nMedians of {options.rounds} alternating rounds of {options.seconds:g} s; {TOOL} "
        f"with {CONNECTIONS} connections on another core; all links in Redis, {MEMORY_SIZE} in the process's memory."
    )
    print(text)
    if options.write:
        page.write("scale", text)
    ratio = found[options.many].median / base
    sys.exit(0 if ratio >= LEAST_RATIO else f"{ratio:.2f} of the rate with few links is less than {LEAST_RATIO}")


if __name__ == "__main__":
    main()
