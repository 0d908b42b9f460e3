"""What measurements have in common: alternating rounds, their options, and how they end."""

import argparse
import sys
from collections.abc import Iterator

from tests.load import page


def options(description: str | None, section: str, **numbers: int) -> argparse.Namespace:
    """The command line's arguments: rounds and their seconds, further `numbers` with these defaults, and `write`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    return parser.parse_args(namespace=argparse.Namespace(section=section))


def counted(rounds: int) -> Iterator[tuple[int, bool]]:
    """The number of each round, and whether it counts: the first warms up."""
    for n in range(rounds + 1):
        yield n, n > 0


def tell(chosen: argparse.Namespace, text: str) -> None:
    """Print it, and write it into its section where that is asked for."""
    print(text)
    if chosen.write:
        page.write(chosen.section, text)


def end(ratio: float, least: float, of: str) -> None:
    """Fail unless what was measured is as much as it has to be."""
    sys.exit(0 if ratio >= least else f"{ratio:.2f} {of} is less than {least}")
