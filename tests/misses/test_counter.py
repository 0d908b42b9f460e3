"""A web process counts a flood of misses in bounded memory, and sends each exactly once."""

import time
import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from shortener.clicks.event import Mark
from shortener.misses import counter as counting
from shortener.misses.batch import MAX_PATH, Kind, MissBatch
from shortener.misses.counter import MissCounter
from shortener.redirect.request import RedirectRequest
from tests.conftest import CHROME, eventually

REQUEST = RedirectRequest("", False, False, False, False, CHROME, "", Mark.NONE, "203.0.113.7")
PATHS, SINGLES = 1000, 1000
FLOOD = 50_000


class Sent:
    """Takes the batches of a counter. While `is_full`, it refuses them."""

    def __init__(self) -> None:
        self.batches: list[MissBatch] = []
        self.tried: list[bytes] = []
        self.is_full = False

    async def __call__(self, batch: MissBatch) -> bool:
        self.tried.append(batch.id)
        if not self.is_full:
            self.batches.append(batch)
        return not self.is_full

    @property
    def total(self) -> Counter[str]:
        return sum((Counter(batch.totals) for batch in self.batches), Counter())


def flood(counter: MissCounter, count: int = FLOOD) -> None:
    """Each path once, and one of them again and again."""
    for n in range(count):
        counter.add(Kind.PATH, f"/{n}{'x' * 300}", REQUEST)
        if n % 50 == 0:
            counter.add(Kind.PATH, "/wp-login.php", REQUEST)


async def test_a_flood_of_different_paths_takes_bounded_memory_and_no_miss_is_left_out():
    sent = Sent()
    counter = MissCounter(sent, PATHS, SINGLES)
    flood(counter, 5000)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    flood(counter)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Twice the paths of up to 200 characters, and the sample of the day.
    assert most - before < 5_000_000
    assert await counter.flush()
    [batch] = sent.batches
    assert batch.totals == {"path": (FLOOD + 5000) * 51 // 50}
    assert len(batch.paths) == PATHS
    found = {each.path: each.count for each in batch.paths}
    login = found["/wp-login.php"]
    assert login.count - login.error <= (FLOOD + 5000) // 50 <= login.count
    assert max(map(len, found)) == MAX_PATH
    # About size * (1 + ln(N / size)).
    assert SINGLES <= len(batch.singles) < 8 * SINGLES
    assert sum(single.path == "/wp-login.php" for single in batch.singles) > 50
    await counter.close()


async def test_a_miss_costs_a_flooded_process_some_microseconds():
    counter = MissCounter(Sent(), PATHS, SINGLES)
    flood(counter, 5000)
    start_s = time.thread_time()
    flood(counter, 20_000)
    assert (time.thread_time() - start_s) / 20_400 < 50e-6
    await counter.close()


async def test_what_cannot_be_sent_is_sent_later_once_and_takes_no_more_space():
    sent = Sent()
    counter = MissCounter(sent, 10, 10)
    sent.is_full = True
    for _ in range(5):
        flood(counter, 1000)
        assert not await counter.flush()
    assert len(set(sent.tried)) == 1
    assert sum(len(window.frequent.counts) for window in counter._windows.values()) <= 20
    sent.is_full = False
    assert await counter.flush()
    assert sent.total == {"path": 5 * 1020}
    assert len({batch.id for batch in sent.batches}) == len(sent.batches) == 2
    assert await counter.flush()
    assert len(sent.batches) == 2
    await counter.close()


async def test_misses_are_sent_by_themselves_and_at_the_end(monkeypatch):
    monkeypatch.setattr(counting, "FLUSH_INTERVAL_S", 0.05)
    sent = Sent()
    counter = MissCounter(sent, 10, 10)
    sent.is_full = True
    counter.add(Kind.ROOT, "/", REQUEST)
    await eventually(lambda: len(sent.tried) >= 2)
    sent.is_full = False
    await eventually(lambda: sent.total == {"root": 1})
    counter.add(Kind.CODE, "/abc", REQUEST)
    await eventually(lambda: sent.total == {"root": 1, "code": 1})
    monkeypatch.setattr(counting, "FLUSH_INTERVAL_S", 1000)
    counter.add(Kind.CODE, "/abc", REQUEST)
    await counter.close()
    assert sent.total == {"root": 1, "code": 2}


@pytest.mark.parametrize("days", [1, 3])
async def test_each_day_has_batches_and_a_sample_of_its_own(days):
    sent = Sent()
    counter = MissCounter(sent, 10, 5)
    midnight = datetime(2026, 11, 26, tzinfo=UTC)
    for n in range(days):
        for seconds in (-1, 1):
            with time_machine.travel(midnight + timedelta(days=n, seconds=seconds), tick=False):
                for _ in range(5):
                    counter.add(Kind.ROOT, "/", REQUEST)
    assert await counter.flush()
    assert [sum(batch.totals.values()) for batch in sent.batches] == [5, *[10] * (days - 1), 5]
    assert [batch.day for batch in sent.batches] == list(range(20782, 20783 + days))
    assert all(len(batch.singles) >= 5 for batch in sent.batches)
    await counter.close()
