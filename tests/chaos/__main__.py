"""The long form: plays all faults, prints a table, and writes it into a page (`python -m tests.chaos --help`)."""

import argparse
import asyncio
import itertools
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from tests.chaos.disks import may_mount
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.play import LONG, SHORT, Form, Outcome, broken, play
from tests.chaos.site import Site

HEAD = (
    "| Fault | Promised | Faults | Requests | Failed | Lost | Counted twice | p50, p99 before | p50, p99 during "
    "| More |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"
)
LIMITS_HEAD = "| Fault | Faults | Limits | More | Fewer | Requests without an answer |\n|---|--:|--:|--:|--:|--:|"


def row(outcome: Outcome) -> str:
    o = outcome
    times = f"{o.before.p50_ms:.1f}, {o.before.p99_ms:.1f} ms | {o.during.p50_ms:.1f}, {o.during.p99_ms:.1f} ms"
    return (
        f"| {o.fault.name} | {o.fault.promise} | {o.times} | {o.requests:,} | {o.failed:,} | {o.lost:,} | {o.twice:,} "
        f"| {times} | {o.grown.memory_mb:.0f} MB, {o.grown.files} |"
    )


def limits_row(outcome: Outcome) -> str:
    given = outcome.given
    return (
        f"| {outcome.fault.name} | {outcome.times} | {given.limit:,} | {given.more:,} | {given.fewer:,} "
        f"| {given.unanswered:,} |"
    )


async def run(form: Form, only: str, page: Path | None) -> int:
    """The number of promises that did not hold."""
    rows, limits, count, began_s = [], [], 0, time.monotonic()
    chosen = [fault for fault in FAULTS if only in fault.name and fault.times[form.is_long]]
    for small_disks, faults in itertools.groupby(chosen, lambda fault: fault.small_disks):
        if small_disks and not may_mount():
            print("left out, as mounting is not allowed here:", *(fault.name for fault in faults), sep="\n  ")
            continue
        async for outcome in _play_all(faults, form, small_disks):
            rows.append(row(outcome))
            limits.append(limits_row(outcome))
            wrong = broken(outcome, form)
            count += len(wrong)
            told = f"BROKEN: {wrong} {outcome}" if wrong else ""
            print(rows[-1], limits[-1], f"{time.monotonic() - began_s:.0f} s", told, flush=True)
    if page is not None:
        _write(page, "chaos", [HEAD, *rows])
        _write(page, "limits", [LIMITS_HEAD, *limits])
    return count


def _write(page: Path, name: str, lines: list[str]) -> None:
    """Between the markers of this name."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    table = "\n".join([begin, *lines, end])
    page.write_text(re.sub(f"(?s){begin}.*{end}", lambda _: table, page.read_text()))


async def _play_all(faults: Iterable[Fault], form: Form, small_disks: bool) -> AsyncIterator[Outcome]:
    with tempfile.TemporaryDirectory() as folder:
        async with Site(Path(folder), 10_000 if form.is_long else 1_500, small_disks) as site:
            for fault in faults:
                yield await play(site, fault, form)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="each fault once or a few times")
    parser.add_argument("--only", default="", help="faults with this in their name")
    parser.add_argument("--write", type=Path, help="a page with the table between its markers")
    options = parser.parse_args()
    form = SHORT if options.short else LONG
    sys.exit(1 if asyncio.run(run(form, options.only, options.write)) else 0)


if __name__ == "__main__":
    main()
