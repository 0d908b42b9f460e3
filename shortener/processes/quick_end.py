"""Ends a process without taking the interpreter down."""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import NoReturn


def run(command: Callable[[], None]) -> NoReturn:
    """Run a command, which closes what it opens, and end the process as forks of `multiprocessing` end. To take the
    interpreter down would visit everything that was imported, for a tenth of a second."""
    code = 0
    try:
        command()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)  # noqa: T201
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    # The reader of a pipe may have gone.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
