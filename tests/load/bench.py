"""Redirects per second of this product and of its peers, side by side on one core, the load on another.

`make bench` runs it. Rounds alternate between the peers; what counts are ratios of medians, since absolute rates are
those of the machine. nginx with Lua and redis-server take part where they are installed.
"""

import argparse
import contextlib
import itertools
import tempfile
from pathlib import Path

from tests.load import picture
from tests.load.heads import BARE_HEAD, BROWSER_HEAD
from tests.load.page import PAGE, table, write
from tests.load.peers import BARE, LUA, constants, nginx
from tests.load.runner import CONNECTIONS, SERVER_CORE, TOOL, Round, Summary, run, summarise
from tests.load.subject import pin, running

PICTURE = PAGE.with_suffix(".svg")


# By name: the headers of the requests.
HEADS = {"bare": BARE_HEAD, "browser": BROWSER_HEAD}
Results = dict[str, dict[str, Summary]]


def measure(rounds: int, seconds: float, links: int) -> tuple[Results, float]:
    """By head, each peer's rounds; and the web process's memory at the end in MB."""
    results: dict[str, dict[str, list[Round]]] = {head: {} for head in HEADS}
    with (
        tempfile.TemporaryDirectory() as folder,
        constants() as bare,
        nginx() as peers,
        running(Path(folder), links) as subject,
    ):
        pin(subject.webs[0], SERVER_CORE)
        ours = (subject.hot, subject.spread, subject.miss)
        for n, head in itertools.product(range(rounds + 1), HEADS):
            for target in (subject.hot, *bare, *peers, subject.spread, subject.miss):
                with subject.without_worker() if target in ours else contextlib.nullcontext():
                    result = run(target.with_head(HEADS[head]), seconds)
                if n:  # The first round warms up.
                    results[head].setdefault(target.name, []).append(result)
                print(f"round {n}  {head:<8} {target.name:<50} {result.rate:>9,.0f}/s  p99 {result.p99_ms:.2f} ms")
        summaries = {
            head: {name: summarise(found) for name, found in by_name.items()} for head, by_name in results.items()
        }
        return summaries, subject.rss_mb()


def report(results: Results, memory_mb: float, rounds: int, seconds: float) -> str:
    return (
        f"![The medians of the second table below as bars]({PICTURE.name})\n\n"
        f"Requests with no header but `Host`:\n\n{rates(results['bare'])}\n\n"
        f"Requests with the thirteen headers that a browser sends besides:\n\n{rates(results['browser'])}\n\n"
        f"Medians of {rounds} alternating rounds of {seconds:g} s; {TOOL} with {CONNECTIONS} connections "
        f"on another core; Redis where the system puts it. The web process had {memory_mb:.0f} MB at the end."
    )


def rates(results: dict[str, Summary]) -> str:
    bare, lua = results[BARE].median, results[LUA].median if LUA in results else None
    head = ("one process on one core", "answers/s", "lowest – highest", "p99", "of bare uvicorn", "of nginx + Lua")
    rows = [
        (
            name,
            f"{one.median:,.0f}",
            one.spread,
            f"{one.p99_ms:.1f} ms",
            f"{one.median / bare:.2f}",
            f"{one.median / lua:.2f}" if lua else "–",
        )
        for name, one in sorted(results.items(), key=lambda item: -item[1].median)
    ]
    return table(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--links", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and its picture")
    options = parser.parse_args()
    results, memory_mb = measure(options.rounds, options.seconds, options.links)
    text = report(results, memory_mb, options.rounds, options.seconds)
    print(text)
    if options.write:
        write("redirects", text)
        PICTURE.write_text(
            picture.bars(
                "Answers to a browser per second, one process on one core",
                f"median of {options.rounds} rounds; the line reaches from the lowest to the highest",
                [
                    picture.Bar(name, one.median, one.lowest, one.highest, name.startswith("this product"))
                    for name, one in results["browser"].items()
                ],
            )
        )


if __name__ == "__main__":
    main()
