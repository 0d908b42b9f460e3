"""The file of hosts that links may not lead to; it is read again when it changes."""

from collections.abc import Callable
from pathlib import Path

import structlog

from shortener.event_loop.followed_file import FollowedFile
from shortener.screening.hosts import read_host
from shortener.screening.metrics import BLOCK_LIST_LINES
from shortener.text import trim

log = structlog.get_logger(__name__)

# Number of bad lines that the log names.
_NAMED_LINES = 10


def parse_hosts(text: str) -> tuple[frozenset[str], list[int]]:
    """The hosts, and the numbers of the lines that could not be parsed."""
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
    """`hosts` are those of the last successful read; `on_change` is called when they differ. `refresh` and `run` are
    those of the file."""

    def __init__(self, path: Path, on_change: Callable[[], None]) -> None:
        self.hosts: frozenset[str] = frozenset()
        self._path = path
        self._on_change = on_change
        file = FollowedFile(path, _read, self._take, self._complain)
        self.run, self.refresh = file.run, file.refresh

    def _take(self, found: tuple[frozenset[str], list[int]]) -> None:
        hosts, bad = found
        BLOCK_LIST_LINES.labels("host").set(len(hosts))
        BLOCK_LIST_LINES.labels("bad").set(len(bad))
        if bad:
            log.warning("block_list_bad_lines", path=str(self._path), count=len(bad), lines=bad[:_NAMED_LINES])
        if hosts != self.hosts:
            self.hosts = hosts
            self._on_change()

    def _complain(self, error: Exception) -> None:
        log.error("block_list_unreadable", error=repr(error), hosts_kept=len(self.hosts))


def _read(path: Path) -> tuple[frozenset[str], list[int]]:
    return parse_hosts(path.read_text(encoding="utf-8", errors="replace"))
