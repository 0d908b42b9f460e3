"""Bounded counts: what is frequent is there, no count is off by more than is said, and the space is fixed."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from shortener.misses.frequent import Frequent

SIZE = 4
_streams = st.lists(st.sampled_from("aaaabbbccdefghijklmnopqrstuvwxyz"), max_size=300)


def counted(stream: str | list[str], size: int = SIZE) -> Frequent:
    frequent = Frequent(size)
    for n, name in enumerate(stream):
        frequent.add(("path", name), n)
        assert len(frequent.counts) <= 2 * size
    frequent.cut()
    return frequent


def check(frequent: Frequent, stream: list[str]) -> None:
    true = Counter(stream)
    assert len(frequent.counts) <= SIZE
    assert frequent.floor * SIZE <= len(stream)
    for (_, name), count in frequent.counts.items():
        assert count.count - count.error <= true[name] <= count.count
    for name in true.keys() - {name for _, name in frequent.counts}:
        assert true[name] <= frequent.floor


@given(_streams)
def test_counts_are_as_exact_as_they_say_and_nothing_frequent_is_missing(stream):
    check(counted(stream), stream)


@given(st.lists(_streams, max_size=6))
def test_merged_counts_are_as_exact_as_those_of_one_stream(streams):
    merged = Frequent(SIZE)
    for stream in streams:
        merged.merge(counted(stream))
    check(merged, [name for stream in streams for name in stream])


@given(_streams)
def test_counts_of_few_keys_are_exact(stream):
    frequent = counted(stream, 26)
    assert {name: count.count for (_, name), count in frequent.counts.items()} == Counter(stream)
    assert all(count.error == 0 for count in frequent.counts.values())
    assert all(stream[count.last_ms] == name for (_, name), count in frequent.counts.items())
