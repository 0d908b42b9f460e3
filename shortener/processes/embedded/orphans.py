"""Processes of the embedded servers: their environment, and ending one that a killed supervisor left behind."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

POLL_INTERVAL_S = 0.05
# How long servers of a supervisor that was killed may take to end by themselves.
ORPHAN_TIMEOUT_S = 60.0


def plain_environment() -> dict[str, str]:
    """An environment without the service's settings and without variables (PGDATA, PGPORT …) that would change the
    servers."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def end_orphan(pid_file: Path, command: str, stop_signal: signal.Signals) -> None:
    """End the server that a killed supervisor left behind, and wait: two servers would ruin the data folder.

    This process holds the folder's lock, so the server belongs to no other supervisor.
    """
    try:
        pid = int(pid_file.read_text().split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return
    deadline_s = time.monotonic() + ORPHAN_TIMEOUT_S
    while _runs(pid, command, pid_file.parent):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, stop_signal if time.monotonic() < deadline_s else signal.SIGKILL)
        time.sleep(POLL_INTERVAL_S * 4)


def _runs(pid: int, command: str, folder: Path) -> bool:
    """Whether this process is such a server on this folder, and not another one that got the same id later."""
    process = Path("/proc", str(pid))
    if process.parent.is_dir() and any(process.parent.iterdir()):
        try:
            return os.readlink(process / "cwd") == str(folder.resolve())
        except OSError:
            return False
    line = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "args=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return command in line
