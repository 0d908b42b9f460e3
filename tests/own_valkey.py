"""A Valkey of a test's own, which it may stop, let go on, or kill."""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from shortener.processes.embedded.valkey import EmbeddedValkey
from shortener.processes.supervisor import Supervisor


class OwnValkey:
    """A running Valkey with its data in `folder`; started again by its supervisor when it ends."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedValkey(folder, folder)
        self._supervisor = Supervisor()
        self._pid_file = folder / "valkey" / "valkey.pid"

    @property
    def url(self) -> str:
        return self._server.url

    async def start(self) -> None:
        await self._supervisor.start(self._server.prepare())

    def hang(self) -> None:
        """Connections are still accepted, and what is sent waits in them; nothing is answered."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    async def restart(self) -> None:
        """End it; the supervisor starts the next."""
        before = self._pid_file.read_text()
        self._signal(signal.SIGTERM)
        while not self._pid_file.exists() or self._pid_file.read_text() in {"", before}:
            await asyncio.sleep(0.01)

    def _signal(self, number: signal.Signals) -> None:
        os.kill(int(self._pid_file.read_text()), number)

    async def stop(self) -> None:
        self.go_on()
        await self._supervisor.stop()


@contextlib.asynccontextmanager
async def own_valkey() -> AsyncIterator[OwnValkey]:
    with tempfile.TemporaryDirectory(prefix="valkey-") as folder:
        valkey = OwnValkey(Path(folder))
        await valkey.start()
        try:
            yield valkey
        finally:
            await valkey.stop()
