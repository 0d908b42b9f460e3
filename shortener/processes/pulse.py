"""Metrics that a process samples every second, because they are states and not events."""

import asyncio
import platform
import resource
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar

import structlog

from shortener import __version__
from shortener.observability.metrics import (
    BUILD_INFO,
    DATABASE_CONNECTIONS,
    PROCESS_CPU_SECONDS,
    PROCESS_MEMORY_BYTES,
    PROCESS_STARTED_SECONDS,
)
from shortener.stores.database import Database

log = structlog.get_logger(__name__)

INTERVAL_S = 1.0
_STATM = Path("/proc/self/statm")


class Pulse:
    """`process` is `web` or `worker`; `also` measures further values of this process, and may fail."""

    # Shared by all pulses of the process.
    _counted_cpu_s: ClassVar[float] = 0.0
    _started_at_s: ClassVar[float | None] = None

    def __init__(self, process: str, database: Database, also: Callable[[], Awaitable[None]] | None = None) -> None:
        self._process = process
        self._database = database
        self._also = also

    async def run(self) -> None:
        """Until cancelled."""
        BUILD_INFO.labels(__version__, platform.python_version()).set(1)
        # Not at import, which may be long before a fork server forks the process.
        Pulse._started_at_s = Pulse._started_at_s or time.time()
        PROCESS_STARTED_SECONDS.labels(self._process).set(Pulse._started_at_s)
        while True:
            self._measure()
            if self._also is not None:
                try:
                    await self._also()
                except Exception as error:  # Metrics are only informative: their failure must not stop anything.
                    log.debug("not_measured", error=repr(error))
            await asyncio.sleep(INTERVAL_S)

    def _measure(self) -> None:
        cpu_s = time.process_time()
        PROCESS_CPU_SECONDS.labels(self._process).inc(cpu_s - Pulse._counted_cpu_s)
        Pulse._counted_cpu_s = cpu_s
        if _STATM.exists():
            PROCESS_MEMORY_BYTES.labels(self._process).set(int(_STATM.read_text().split()[1]) * resource.getpagesize())
        for server, connections in self._database.connections_in_use().items():
            DATABASE_CONNECTIONS.labels(self._process, server).set(connections)
