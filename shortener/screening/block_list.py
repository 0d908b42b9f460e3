"""The file of hosts that no link may lead to: read again when it changes."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from shortener.screening.hosts import read_host
from shortener.screening.metrics import BLOCK_LIST_LINES
from shortener.text import trim

log = structlog.get_logger(__name__)

POLL_INTERVAL_S = 1.0
# As many bad lines are named in the log.
_NAMED_LINES = 10


def parse_hosts(text: str) -> tuple[frozenset[str], list[int]]:
    """The hosts, and the numbers of the lines that are none."""
    hosts: set[str] = set()
    bad: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        entry = trim(line.partition("#")[0])
        if not entry:
            continue
        try:
            hosts.add(read_host(entry))
        except ValueError:
            bad.append(number)
    return frozenset(hosts), bad


class BlockList:
    """`hosts` as of the last time that the file could be read; `on_change` is called when they are others."""

    def __init__(self, path: Path, on_change: Callable[[], None]) -> None:
        self.hosts: frozenset[str] = frozenset()
        self._path = path
        self._on_change = on_change
        self._version: tuple[int, ...] | None = None
        self._complaint = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            await self.refresh()

    async def refresh(self) -> None:
        """A file that cannot be read leaves the hosts as they are."""
        try:
            # In a thread: there may be half a million lines.
            found = await asyncio.to_thread(self._read_if_changed)
        except Exception as error:  # Whatever is wrong with the file, this goes on.
            self._version = None
            if self._complaint != str(error):
                self._complaint = str(error)
                log.error("block_list_unreadable", error=repr(error), hosts_kept=len(self.hosts))
            return
        if found is None:
            return
        self._complaint = ""
        hosts, bad = found
        BLOCK_LIST_LINES.labels("host").set(len(hosts))
        BLOCK_LIST_LINES.labels("bad").set(len(bad))
        if bad:
            log.warning("block_list_bad_lines", path=str(self._path), count=len(bad), lines=bad[:_NAMED_LINES])
        if hosts != self.hosts:
            self.hosts = hosts
            self._on_change()

    def _read_if_changed(self) -> tuple[frozenset[str], list[int]] | None:
        # Before it is read: who changes it meanwhile makes it another version.
        stat = self._path.stat()
        version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if version == self._version:
            return None
        found = parse_hosts(self._path.read_text(encoding="utf-8", errors="replace"))
        self._version = version
        return found
