"""A process that stood still goes on trusting Redis; one that Redis no longer answers does not."""

import asyncio
import time

import pytest

from shortener.redirect.parts import REDIRECT
from shortener.stores.invalidations import INFORMED_LIFETIME_S, UNINFORMED_LIFETIME_S
from shortener.stores.pongs import DEADLINE_S, PING_INTERVAL_S, Pongs
from tests.conftest import eventually, running_app


async def test_a_process_that_stood_still_goes_on_trusting_its_memory(settings, caplog: pytest.LogCaptureFixture):
    async with running_app(settings) as app:
        memory = app.state.parts[REDIRECT]._resolver._memory
        await eventually(lambda: memory.lifetime_s == INFORMED_LIFETIME_S)
        for _ in range(3):
            # The whole event loop stands still.
            time.sleep(2 * DEADLINE_S)
            for _ in range(5):
                await asyncio.sleep(PING_INTERVAL_S / 2)
                assert memory.lifetime_s == INFORMED_LIFETIME_S
    assert "invalidations_lost" not in caplog.text


class Silent:
    """A connection on which nothing comes."""

    def __init__(self, clock: list[float]) -> None:
        self.clock = clock
        self.pinged_at_s: list[float] = []

    async def send_command(self, *_: object, **__: object) -> None:
        self.pinged_at_s.append(self.clock[0])

    async def read_response(self, timeout: float, **_: object) -> None:
        self.clock[0] += timeout


async def test_no_pong_is_noticed_before_memory_is_older_than_a_second(monkeypatch: pytest.MonkeyPatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    connection = Silent(clock)
    pongs = Pongs(connection)

    async def until_lost() -> None:
        while True:
            await pongs.read(PING_INTERVAL_S)

    with pytest.raises(TimeoutError, match="no pong"):
        await until_lost()
    assert DEADLINE_S < clock[0] - 100.0 <= DEADLINE_S + PING_INTERVAL_S + 0.01
    assert len(connection.pinged_at_s) >= DEADLINE_S / PING_INTERVAL_S
    assert DEADLINE_S < UNINFORMED_LIFETIME_S
