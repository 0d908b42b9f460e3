"""The long form: plays all faults, prints a table, and writes it into a page (`python -m tests.chaos --help`)."""

import argparse
import asyncio
import re
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.faults import FAULTS
from tests.chaos.play import LONG, SHORT, Form, Outcome, is_kept, play
from tests.chaos.site import Site

HEAD = (
    "| Fault | Promised | Faults | Requests | Failed | Lost | Counted twice | p50, p99 before | p50, p99 during |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|--:|"
)
BEGIN, END = "<!-- chaos -->", "<!-- /chaos -->"


def row(outcome: Outcome) -> str:
    o = outcome
    times = f"{o.before.p50_ms:.1f}, {o.before.p99_ms:.1f} ms | {o.during.p50_ms:.1f}, {o.during.p99_ms:.1f} ms"
    return (
        f"| {o.fault.name} | {o.fault.promise} | {o.times} | {o.requests:,} | {o.failed:,} | {o.lost:,} | {o.twice:,} "
        f"| {times} |"
    )


async def run(form: Form, only: str, page: Path | None) -> int:
    rows, broken, began_s = [], 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        async with Site(Path(folder), 10_000 if form.is_long else 1_500) as site:
            for fault in FAULTS:
                if only not in fault.name or not fault.times[form.is_long]:
                    continue
                outcome = await play(site, fault, form)
                rows.append(row(outcome))
                broken += not is_kept(outcome)
                told = f"+{outcome.grown_mb:.0f} MB" if is_kept(outcome) else f"BROKEN: {outcome}"
                print(rows[-1], told, f"{time.monotonic() - began_s:.0f} s", flush=True)
    table = "\n".join([BEGIN, HEAD, *rows, END])
    if page is not None:
        page.write_text(re.sub(f"(?s){BEGIN}.*{END}", lambda _: table, page.read_text()))
    return broken


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
