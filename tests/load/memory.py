"""The memory of a web process before and after many distinct links and many distinct misses."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.load import page
from tests.load.runner import ask
from tests.load.subject import Subject, running

MOST_MB = 150
WITHIN_S = 3600


def follow(subject: Subject, count: int, prefix: str, status: int) -> None:
    """Each of the codes with this prefix, once."""
    options = (f"--count={count}", f"--links={count}", f"--prefix={prefix}", "--in-turn", f"--seconds={WITHIN_S}")
    found = ask(subject.product.url, *options)
    if found["statuses"] != {str(status): count} or found["unanswered"]:
        raise RuntimeError(f"not all were answered with {status}: {found}")
    print(f"{count:,} answers {status}, {found['rate']:,.0f}/s: {subject.rss_mb():.0f} MB", flush=True)


def measure(count: int) -> dict[str, float]:
    """Resident memory in MB by moment."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), count) as subject:
        found = {"at the start": subject.rss_mb()}
        follow(subject, count, "x", 302)
        found[f"after {count:,} distinct links"] = subject.rss_mb()
        follow(subject, count, "m", 404)
        found[f"after {count:,} distinct misses more"] = subject.rss_mb()
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="links, and misses")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    found = measure(options.count)
    text = page.table(("one web process", "resident memory"), [(when, f"{mb:.0f} MB") for when, mb in found.items()])
    print(text)
    if options.write:
        page.write("memory", text)
    most_mb = max(found.values())
    sys.exit(0 if most_mb < MOST_MB else f"{most_mb:.0f} MB is not less than {MOST_MB} MB")


if __name__ == "__main__":
    main()
