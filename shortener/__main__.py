"""The command `shortener`."""

import gc
import sys

from shortener.processes import head_start, quick_end

# New objects between two garbage collections. A command imports for most of its time, and what it imports stays:
# with Python's own 700, collections take a fifth of that time.
YOUNG_OBJECTS = 100_000


def main() -> None:
    if sys.argv[1:] == ["up"]:
        head_start.begin()
    gc.set_threshold(YOUNG_OBJECTS)
    from shortener.cli import main as command

    quick_end.run(command)


if __name__ == "__main__":
    main()
