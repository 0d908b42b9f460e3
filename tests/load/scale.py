"""The rate with few links beside the rate with many, spread evenly over all of them, which are in Postgres and Redis.

Two products, each with one web process on the servers' core whose own memory holds next to nothing; rounds alternate.
"""

import tempfile
from pathlib import Path

from tests.load import frame, page
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
        for n, counts in frame.counted(rounds):
            for subject in (small, large) if n % 2 else (large, small):
                with subject.without_worker():
                    result = run(subject.spread, seconds)
                if counts:
                    results[subject.links].append(result)
                print(f"round {n}  {subject.links:>12,} links  {result.rate:>9,.0f}/s", flush=True)
    return results


def main() -> None:
    options = frame.options(__doc__, "scale", few=10_000, many=10_000_000)
    results = measure(options.rounds, options.seconds, options.few, options.many)
    found = {links: summarise(rounds) for links, rounds in results.items()}
    base = found[options.few].median
    head = ("spread evenly over", "redirects/s", "lowest – highest", "p99", "ratio")
    rows = [
        (f"{links:,} links", f"{one.median:,.0f}", one.spread, f"{one.p99_ms:.1f} ms", f"{one.median / base:.2f}")
        for links, one in found.items()
    ]
    frame.tell(
        options,
        f"{page.table(head, rows)}\n\nMedians of {options.rounds} alternating rounds of {options.seconds:g} s; {TOOL} "
        f"with {CONNECTIONS} connections on another core; all links in Redis, {MEMORY_SIZE} in the process's memory.",
    )
    frame.end(found[options.many].median / base, LEAST_RATIO, "of the rate with few links")


if __name__ == "__main__":
    main()
