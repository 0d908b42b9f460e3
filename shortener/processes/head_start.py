"""Starts the fork server of `shortener up` before anything else is imported: both import at the same time.

Imports nothing but the standard library.
"""

import os
import socket
import sys
from typing import NamedTuple


class HeadStart(NamedTuple):
    """A fork server that imports libraries, and waits for its environment at the far end of the socket."""

    pid: int
    near_end: socket.socket
    far_end: socket.socket


_begun: list[HeadStart] = []


def is_supported() -> bool:
    """Whether the system has what a fork server needs: subreapers and pidfds (Linux 5.3 or later)."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def begin() -> None:
    """Start a fork server, if the system supports one. It ends with this process."""
    if not is_supported():
        return
    near_end, far_end = control_sockets()
    argv = [sys.executable, "-m", "shortener.processes.fork_server", str(far_end.fileno()), str(os.getpid())]
    os.set_inheritable(far_end.fileno(), True)
    no_input = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    # A process group of its own, as all processes of a supervisor.
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[no_input], setpgroup=0)
    os.set_inheritable(far_end.fileno(), False)
    _begun.append(HeadStart(pid, near_end, far_end))


def taken() -> HeadStart | None:
    """The fork server that was started, for the one that asks first."""
    return _begun.pop() if _begun else None


def control_sockets() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
