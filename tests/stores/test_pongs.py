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


def test_pongs_that_stay_away_are_noticed_before_memory_is_older_than_a_second(monkeypatch: pytest.MonkeyPatch):
    now_s = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    pongs = Pongs()
    is_lost = False
    while not is_lost:
        began_at_s, now_s = now_s, now_s + PING_INTERVAL_S
        try:
            pongs.nothing_came(began_at_s, PING_INTERVAL_S)
        except TimeoutError:
            is_lost = True
    assert DEADLINE_S < now_s <= DEADLINE_S + PING_INTERVAL_S + 0.01
    assert DEADLINE_S < UNINFORMED_LIFETIME_S
