"""The driver writes the values of a statement, and reads its answer, in one piece, and redirects wait meanwhile."""

from collections.abc import Iterable, Iterator
from typing import Any

# Characters of one statement, which take some 2 ms to write.
_LARGEST = 2**20


def portions(rows: Iterable[tuple[Any, ...]], most: int) -> Iterator[list[tuple[Any, ...]]]:
    """The rows in order, as many together as one statement may have, and at most `most`. Of no rows there is one empty
    portion."""
    portion: list[tuple[Any, ...]] = []
    size = 0
    for row in rows:
        if size >= _LARGEST or len(portion) == most:
            yield portion
            portion, size = [], 0
        portion.append(row)
        size += sum(len(value) for value in row if isinstance(value, str))
    yield portion
