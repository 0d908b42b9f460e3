"""Full collections of garbage stay short in a process that serves, and garbage goes."""

import gc
import weakref
from collections.abc import Iterator

import pytest
import uvicorn

from shortener.processes import garbage, web
from shortener.processes.garbage import Collections


class Node:
    """A cycle: only a collection finds it once nobody knows it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collections]:
    threshold = gc.get_threshold()
    found = Collections()
    found.start()
    # No collection comes but those of the tests.
    gc.disable()
    yield found
    gc.enable()
    found.stop()
    gc.set_threshold(*threshold)
    gc.collect()


def made(count: int) -> list[Node]:
    return [Node() for _ in range(count)]


def visited() -> int:
    return len(gc.get_objects())


def test_what_survives_a_long_collection_is_left_out_of_later_ones(
    collections: Collections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage, "LONG_S", 0)
    loaded = made(50_000)
    assert visited() > len(loaded)
    gc.collect()
    assert visited() < len(loaded)


def test_a_short_collection_freezes_nothing(collections: Collections, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "LONG_S", 60)
    loaded = made(50_000)
    gc.collect()
    assert visited() > len(loaded)


def test_cycles_that_become_garbage_after_they_were_frozen_go_when_there_are_many(
    collections: Collections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage, "LONG_S", 0)
    loaded = made(50_000)
    gone = weakref.ref(loaded[0])
    gc.collect()
    del loaded
    gc.collect()
    assert gone() is not None
    others = made(garbage.GROWTH * gc.get_freeze_count())
    gc.collect()  # Freezes the others, which are many.
    gc.collect()
    assert gone() is None
    assert len(others) > 50_000


async def test_a_web_process_keeps_its_collections_short(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    async def startup(self: uvicorn.Server, sockets: object) -> None:
        steps.append("loaded")

    monkeypatch.setattr(uvicorn.Server, "startup", startup)
    monkeypatch.setattr(Collections, "start", lambda self: steps.append("started"))
    await web._Server(uvicorn.Config(lambda: None)).startup()
    assert steps == ["loaded", "started"]
