"""Files that operators replace while the program runs."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

POLL_INTERVAL_S = 1.0


class FollowedFile(Generic[T]):
    """A file that is read again when it changes.

    `read` runs in a thread and may raise anything. `take` gets its result on the event loop. After an error nothing is
    taken, and `complain` gets the error, unless it is the same as the last one.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[Path], T],
        take: Callable[[T], None],
        complain: Callable[[Exception], None],
    ) -> None:
        self._path = path
        self._read = read
        self._take = take
        self._complain = complain
        self._version: tuple[int, ...] | None = None
        self._complaint = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Read the file if it has changed."""
        try:
            # Reading may take long, and a file on a network may not answer.
            is_new = await asyncio.to_thread(self._has_changed)
            found = await asyncio.to_thread(self._read, self._path) if is_new else None
        except Exception as error:  # Keep running, whatever is wrong with the file.
            if isinstance(error, OSError):
                # The disk or the file's rights may be mended; content stays wrong until the file changes.
                self._version = None
            if self._complaint != str(error):
                self._complaint = str(error)
                self._complain(error)
            return
        if found is not None:
            self._complaint = ""
            self._take(found)

    def _has_changed(self) -> bool:
        # Taken before reading, so that a change meanwhile counts as a new version.
        stat = self._path.stat()
        version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        is_new, self._version = version != self._version, version
        return is_new
