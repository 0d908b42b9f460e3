"""Commands, run in the process of the test: a process of its own would take most of a second to import everything."""

import contextlib
import io
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from unittest import mock

from shortener import cli
from shortener.settings import get_settings


class Said(NamedTuple):
    status: int
    out: bytes
    err: str


@contextlib.contextmanager
def _settings_of(environment: Mapping[str, str]) -> Iterator[None]:
    """A process reads its settings once, and commands configure the logging of their process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    get_settings.cache_clear()
    try:
        with mock.patch.dict(os.environ, environment):
            yield
    finally:
        get_settings.cache_clear()
        root.handlers[:] = handlers
        root.setLevel(level)


def _main() -> int:
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def run_here(arguments: Sequence[str], stdin: str, environment: Mapping[str, str]) -> Said:
    """One at a time. Commands have an event loop of their own, which the thread of an async test has already."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with (
        _settings_of(environment),
        mock.patch.multiple(
            sys,
            argv=["shortener", *arguments],
            stdin=io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"),
            stdout=out,
            stderr=err,
        ),
        ThreadPoolExecutor(1) as thread,
    ):
        status = thread.submit(_main).result(60)
    for stream in (out, err):
        stream.flush()
    return Said(status, out.buffer.getvalue(), err.buffer.getvalue().decode())


def run_apart(arguments: Sequence[str], stdin: str, environment: Mapping[str, str]) -> Said:
    """In a process of its own, as people do."""
    argv = [sys.executable, "-m", "shortener", *arguments]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), **environment}
    done = subprocess.run(argv, env=env, input=stdin.encode(), capture_output=True, timeout=60)
    return Said(done.returncode, done.stdout, done.stderr.decode())
