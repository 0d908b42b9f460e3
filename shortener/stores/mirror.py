"""A copy of a small table in the memory of each process."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection

import structlog

from shortener.stores.invalidations import INFORMED_LIFETIME_S, UNINFORMED_LIFETIME_S

log = structlog.get_logger(__name__)

# Intervals of checks for changes, while Redis reports them and while it does not.
INFORMED_INTERVAL_S = INFORMED_LIFETIME_S / 2
UNINFORMED_INTERVAL_S = UNINFORMED_LIFETIME_S / 2
LOAD_TIMEOUT_S = 2.0


class Mirror:
    """Calls `load` when a change is reported, and at intervals. `name` is for the log.

    Give it to `Listeners.add` as the cache, with `on_report` as the callback.
    """

    def __init__(self, name: str, load: Callable[[], Awaitable[None]]) -> None:
        self._name = name
        self._load = load
        self._loading = asyncio.Lock()
        self._loaded_at_s = float("-inf")
        self._reported = asyncio.Event()
        # Short while Redis does not report changes; set as for the other memories of this process.
        self.lifetime_s = UNINFORMED_LIFETIME_S

    def on_report(self, _: Collection[str] | None) -> None:
        self._reported.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(UNINFORMED_INTERVAL_S):
                    await self._reported.wait()
            is_informed = self.lifetime_s >= INFORMED_LIFETIME_S
            age_s = time.monotonic() - self._loaded_at_s
            if self._reported.is_set() or not is_informed or age_s >= INFORMED_INTERVAL_S:
                self._reported.clear()
                await self.refresh()

    async def refresh(self) -> None:
        """Load the table. While the database does not answer, the last copy stays."""
        # One load at a time, so that an older result cannot replace a newer one.
        async with self._loading:
            try:
                async with asyncio.timeout(LOAD_TIMEOUT_S):
                    await self._load()
            except Exception as error:  # Keep running, whatever is wrong with the database.
                log.warning("copy_not_loaded", of=self._name, error=repr(error))
                self._loaded_at_s = float("-inf")
            else:
                self._loaded_at_s = time.monotonic()
