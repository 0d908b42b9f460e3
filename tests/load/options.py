"""Redirects per second of links with options beside a plain link, by turns, with a browser's head.

`make bench PART=options` runs it. What counts are ratios of medians, since absolute rates are those of the machine.
"""

import argparse
import itertools
import tempfile
from pathlib import Path
from typing import Any

from tests.load.bare import URL
from tests.load.heads import BROWSER_HEAD
from tests.load.page import table, write
from tests.load.runner import CONNECTIONS, SERVER_CORE, TOOL, Round, Summary, Target, run, summarise
from tests.load.subject import Subject, pin, running

ELSEWHERE = "https://elsewhere.example/"
# One of each kind, and none of them holds for the requests of this measurement.
CONDITIONS: list[dict[str, Any]] = [
    {"type": "device", "values": ["ios"]},
    {"type": "browser", "values": ["firefox"]},
    {"type": "language", "values": ["fr"]},
    {"type": "country", "values": ["FR"]},
    {"type": "query", "name": "a", "match": "any"},
    {"type": "network", "values": ["192.0.2.0/24"]},
    {"type": "referrer", "values": ["other.example"]},
    {"type": "before", "at": "2020-01-01T00:00:00Z"},
    {"type": "schedule", "weekdays": ["sun"], "from": "03:00", "to": "03:01", "time_zone": "Europe/Berlin"},
    {"type": "sampled", "percent": 0},
]


def rules(conditions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": f"r{n}", "if": [condition], "url": ELSEWHERE} for n, condition in enumerate(conditions)]


PLAIN = "plain"
LINKS: dict[str, dict[str, Any]] = {
    PLAIN: {},
    "with two variants": {"variants": [{"name": "a", "url": URL}, {"name": "b", "url": ELSEWHERE}]},
    "with a limit of clicks": {"max_clicks": 10**11},
    "with ten rules by device, none of which holds": {"rules": rules(CONDITIONS[:1] * 10)},
    "with ten rules of ten kinds, none of which holds": {"rules": rules(CONDITIONS)},
}


def targets(subject: Subject) -> list[Target]:
    found = []
    with subject.product.client() as client:
        for name, options in LINKS.items():
            link = client.post("/api/v1/links", json={"url": URL, **options}).raise_for_status().json()
            found.append(Target(name, link["short_url"], headers=BROWSER_HEAD))
    return found


def measure(rounds: int, seconds: float) -> dict[str, Summary]:
    results: dict[str, list[Round]] = {name: [] for name in LINKS}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), links=1000) as subject:
        pin(subject.webs[0], SERVER_CORE)
        for n, target in itertools.product(range(rounds + 1), targets(subject)):
            with subject.without_worker():
                result = run(target, seconds)
            if n:  # The first round warms up.
                results[target.name].append(result)
            print(f"round {n}  {target.name:<50} {result.rate:>9,.0f}/s  p99 {result.p99_ms:.2f} ms")
    return {name: summarise(found) for name, found in results.items()}


def report(results: dict[str, Summary], rounds: int, seconds: float) -> str:
    plain = results[PLAIN].median
    rows = [
        (name, f"{one.median:,.0f}", one.spread, f"{one.median / plain:.2f}")
        for name, one in sorted(results.items(), key=lambda item: -item[1].median)
    ]
    return (
        table(("one hot link", "answers/s", "lowest – highest", "of a plain link"), rows)
        + f"\n\nMedians of {rounds} alternating rounds of {seconds:g} s; {TOOL} with {CONNECTIONS} connections."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    text = report(measure(options.rounds, options.seconds), options.rounds, options.seconds)
    print(text)
    if options.write:
        write("options", text)


if __name__ == "__main__":
    main()
