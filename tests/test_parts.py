"""Parts are opened in order, closed in reverse, and closed whatever happens to the others."""

import contextlib
from collections.abc import AsyncIterator

import pytest

from shortener.parts import Opener, Part, PartNotOpen, Parts, opened

FIRST, SECOND = Part[str]("first"), Part[str]("second")


@pytest.fixture
def events() -> list[str]:
    return []


def opener(events: list[str], name: str, *, fails_to_open: bool = False, fails_to_close: bool = False) -> Opener:
    @contextlib.asynccontextmanager
    async def open_it(_: Parts) -> AsyncIterator[None]:
        if fails_to_open:
            raise OSError(name)
        events.append(f"{name} opened")
        try:
            yield
        finally:
            events.append(f"{name} closed")
            if fails_to_close:
                raise OSError(name)

    return open_it


async def test_a_part_that_fails_to_close_does_not_keep_the_others_open(settings, events):
    openers = [opener(events, "a"), opener(events, "b", fails_to_close=True), opener(events, "c")]
    with pytest.raises(OSError, match=r"^b$"):
        async with opened(Parts(settings), openers):
            events.clear()
    assert events == ["c closed", "b closed", "a closed"]


async def test_parts_are_closed_when_a_later_one_fails_to_open(settings, events):
    with pytest.raises(OSError, match=r"^b$"):
        async with opened(Parts(settings), [opener(events, "a"), opener(events, "b", fails_to_open=True)]):
            pytest.fail("opened")
    assert events == ["a opened", "a closed"]


async def test_a_part_uses_the_parts_before_it_and_none_behind_it(settings):
    @contextlib.asynccontextmanager
    async def open_first(parts: Parts) -> AsyncIterator[None]:
        parts[FIRST] = "1"
        yield

    @contextlib.asynccontextmanager
    async def open_second(parts: Parts) -> AsyncIterator[None]:
        parts[SECOND] = f"{parts[FIRST]}2"
        yield

    async with opened(Parts(settings), [open_first, open_second]) as parts:
        assert parts[SECOND] == "12"
    with pytest.raises(PartNotOpen, match="first"):
        async with opened(Parts(settings), [open_second, open_first]):
            pytest.fail("opened")
