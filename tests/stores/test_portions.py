"""Rows for statements, in portions."""

from hypothesis import given
from hypothesis import strategies as st

from shortener.stores.portions import portions

LARGEST, MOST = 2**20, 40


def size(portion: list) -> int:
    return sum(len(value) for row in portion for value in row if isinstance(value, str))


texts = st.integers(0, 300_000).map("x".__mul__)


@given(st.lists(st.tuples(st.integers(), st.none() | texts), max_size=60))
def test_no_row_is_lost_and_no_statement_has_more_text_than_it_may(rows):
    found = list(portions(iter(rows), MOST))
    assert [row for portion in found for row in portion] == rows
    # The last row of a portion may be the one that fills it.
    assert all(size(portion[:-1]) < LARGEST and len(portion) <= MOST for portion in found)
    assert all(found) == bool(rows)


def test_many_short_rows_are_several_statements():
    assert [len(portion) for portion in portions([(1,)] * 100, MOST)] == [40, 40, 20]
