"""The table of the ASVS in docs/asvs.md leaves no requirement out, and what it calls met is shown by a test."""

import re
from collections import Counter
from functools import cache

import pytest

from tests.test_docs import ROOT, rows

DOCUMENT = ROOT / "docs/asvs.md"
# Requirements of each section of version 5.0.0.
SECTIONS = {
    "1": (2, 10, 12, 3, 3),
    "2": (3, 3, 5, 2),
    "3": (1, 3, 5, 8, 8, 1, 5),
    "4": (5, 5, 2, 4),
    "5": (1, 6, 3, 3),
    "6": (3, 12, 8, 6, 8, 4, 2, 4),
    "7": (3, 4, 2, 5, 3, 2),
    "8": (4, 4, 3, 2),
    "9": (3, 4),
    "10": (2, 3, 5, 16, 5, 2, 3),
    "11": (4, 5, 5, 4, 2, 2, 2),
    "13": (4, 6, 4, 7),
    "14": (2, 8, 3),
    "16": (1, 5, 4, 3, 4),
}
EVERY = [
    (int(chapter), section, number)
    for chapter, sizes in SECTIONS.items()
    for section, size in enumerate(sizes, 1)
    for number in range(1, size + 1)
]


@cache
def table() -> list[list[str]]:
    return rows(DOCUMENT, r"\d+\.\d+\.\d+(–\d+\.\d+\.\d+)?")


def requirements(cell: str) -> list[tuple[int, int, int]]:
    """Those that a row is about."""
    first, *last = (tuple(map(int, number.split("."))) for number in cell.split("–"))
    begin = EVERY.index(first)  # type: ignore[arg-type]
    return EVERY[begin : EVERY.index(last[0]) + 1] if last else [EVERY[begin]]  # type: ignore[arg-type]


@cache
def every_test() -> frozenset[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return frozenset(name for file in files for name in re.findall(r"(?m)^(?:async )?def (test_\w+)", file.read_text()))


def test_each_requirement_of_the_chapters_has_one_row_in_order() -> None:
    found = [requirement for row in table() for requirement in requirements(row[0])]
    assert [number for number, count in Counter(found).items() if count > 1] == []
    assert sorted(set(EVERY) - set(found)) == []
    assert found == EVERY


@pytest.mark.parametrize("row", table(), ids=lambda row: row[0])
def test_what_is_called_met_is_shown_by_tests_that_exist(row: list[str]) -> None:
    _, about, state, how, shown_by = row
    assert about
    assert state in {"met", "documented", "operator", "none", "open"}
    named = re.findall(r"`(test_\w+)`", shown_by)
    assert set(named) <= every_test()
    assert named or state != "met"
    assert not re.search(r"(?<!`)\btest_\w+", shown_by)
    assert how or state in {"met", "none", "open", "operator"}
