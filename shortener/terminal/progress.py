"""A bar for commands that take long."""

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

# Until then a bar would only flicker.
_PATIENCE_S = 1.0


class Progress(contextlib.AbstractContextManager["Progress"]):
    """Appears on standard error after a second, and only on a terminal: nothing is in the way of programs."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._began_s = time.monotonic()
        self._bar: RichProgress | None = None

    def __enter__(self) -> Self:
        return self

    def advance(self, count: int) -> None:
        self._done += count
        if self._bar is None and sys.stderr.isatty() and time.monotonic() - self._began_s >= _PATIENCE_S:
            self._bar = self._shown()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done)

    def _shown(self) -> "RichProgress":
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        columns = (self._what, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        bar = RichProgress(*columns, console=Console(stderr=True), transient=True)
        bar.add_task("", total=self._total)
        bar.start()
        return bar

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
