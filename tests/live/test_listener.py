"""A listener's messages between the hub, which puts them, and the connection, which takes them."""

import asyncio

from shortener.access.memberships import Caller
from shortener.live import listener
from shortener.live.listener import Listener
from shortener.live.messages import Message


def message(serial: int = 1) -> Message:
    return Message(0, serial, "click", {})


def begun() -> Listener:
    made = Listener(None, Caller(None, has_unowned=True), "203.0.113.7", ())
    made.begin(message(), [], None)
    return made


async def test_a_listener_that_is_woken_for_nothing_goes_on_waiting():
    """It took the message before the hub came to wake it."""
    one = begun()
    assert await one.take()
    taking = asyncio.create_task(one.take())
    await asyncio.sleep(0)
    one.wake()
    await asyncio.sleep(0.01)
    assert not taking.done()
    one.put(message(2))
    one.wake()
    assert [each.id for each in await taking or []] == ["0-2"]


async def test_nothing_is_taken_before_the_first_message():
    one = Listener(None, Caller(None, has_unowned=True), "203.0.113.7", ())
    one.put(message(2))
    taking = asyncio.create_task(one.take())
    one.wake()
    await asyncio.sleep(0.01)
    assert not taking.done()
    one.begin(message(1), [], None)
    assert [each.id for each in await taking or []] == ["0-1", "0-2"]


async def test_the_last_message_of_a_closed_listener_is_taken_and_then_nothing():
    one = begun()
    one.close("revoked", message(2))
    assert [each.id for each in await one.take() or []] == ["0-1", "0-2"]
    assert await one.take() is None


async def test_of_a_slow_listener_only_the_reason_is_left(monkeypatch):
    monkeypatch.setattr(listener, "MAX_WAITING", 2)
    one = begun()
    assert one.put(message(2))
    assert not one.put(message(3))
    one.close("slow", message(4))
    assert [each.id for each in await one.take() or []] == ["0-4"]
