"""A process that has imported the program and forks it, so that a command starts without importing anything.

Forks share the memory of everything imported. Only modules exist before a fork: no event loop, thread, connection or
setting. Each fork is a child of the supervisor: the server forks twice, the process in between ends, and the supervisor
is a subreaper, which adopts orphans of its family. The supervisor therefore waits for a fork and signals it as any
child, the end of the supervisor ends it, and the end of the fork server does not touch it.

`python -m shortener.processes.fork_server FD` is the server, and `ForkServer` the supervisor's side of it. `shortener
up` gives the first server a head start, and adds its own process id to the arguments. This server imports libraries
until it is sent its environment, which the client of Prometheus reads when it is imported.
"""

import asyncio
import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from setproctitle import setproctitle

from shortener.processes import head_start, quick_end
from shortener.processes.supervisor import SHORTENER, Process, Program, end_with_parent

_PR_SET_CHILD_SUBREAPER = 36
_IMPORTED = b"imported"
# A server may be killed while it forks; then its successor gets the order.
_TRIES = 3
# The libraries that take longest to import, and do so without an environment.
_LIBRARIES = ("fastapi", "sqlalchemy.ext.asyncio", "sqlalchemy.dialects.postgresql.asyncpg")
# Everything that a web process or a worker imports until it works.
_PROGRAM = (
    "shortener.cli",
    "shortener.main",
    "shortener.operations.prepare",
    "shortener.processes.web",
    "workers.main",
)
# Modules with a function `prepare`, which loads what is the same for all settings.
_PREPARED = ("shortener.clicks.agents", "shortener.dashboard.parts")


class ForkFailed(OSError):
    """No process could be forked."""


class ForkServer:
    """A supervisor starts `program`, and then has `fork` start the program's own commands."""

    def __init__(self, env: Mapping[str, str]) -> None:
        begun = head_start.taken()
        self._socket, self._far_end = (begun.near_end, begun.far_end) if begun else head_start.control_sockets()
        self._socket.setblocking(False)
        self._lock = asyncio.Lock()
        fd = self._far_end.fileno()
        self.program = Program(
            "fork server",
            [sys.executable, "-m", "shortener.processes.fork_server", str(fd)],
            env=env,
            ready=self._ready,
            # Stays open here as well: an order waits in it for the successor of a killed server.
            popen={"pass_fds": (fd,)},
            running=_Child(begun.pid) if begun else None,
        )
        if begun:
            with _in_memory(dict(env)) as file:
                socket.send_fds(self._socket, [b"."], [file])

    async def _ready(self) -> None:
        await asyncio.get_running_loop().sock_recv(self._socket, len(_IMPORTED))

    async def fork(self, program: Program) -> Process:
        """Run a command of the program. Raises ForkFailed, OSError."""
        async with self._lock:
            for _ in range(_TRIES):
                if pid := await self._order(program):
                    return _Child(pid)
        raise ForkFailed(f"{program.name} could not be forked")

    async def _order(self, program: Program) -> int | None:
        """The new process's id; None if the server or the process ended before it could answer."""
        descriptors = {n: program.popen[name] for n, name in enumerate(("stdin", "stdout")) if name in program.popen}
        order = _Order(
            list(program.argv[len(SHORTENER) :]), dict(program.env or os.environ), program.stop_signal, [*descriptors]
        )
        answer, far_end = os.pipe()
        try:
            with _subreaper():
                try:
                    with _in_memory(order) as file:
                        socket.send_fds(self._socket, [b"."], [far_end, file, *descriptors.values()])
                finally:
                    os.close(far_end)
                return int(await _read(answer) or 0)
        finally:
            os.close(answer)


class _Order(NamedTuple):
    """`descriptors` are sent along; the fork gets them under these numbers: 0 for stdin, 1 for stdout."""

    arguments: list[str]
    env: dict[str, str]
    stop_signal: int
    descriptors: list[int]


@contextlib.contextmanager
def _in_memory(value: _Order | dict[str, str]) -> Iterator[int]:
    """A file in memory that holds the value as JSON: an environment may be larger than a message."""
    file = os.memfd_create("order")
    try:
        with open(file, "w", closefd=False) as text:
            json.dump(value, text)
        yield file
    finally:
        os.close(file)


def _read_back(file: int) -> Any:
    """What `_in_memory` wrote; closes the file."""
    with open(file) as text:
        text.seek(0)
        return json.load(text)


@contextlib.contextmanager
def _subreaper() -> Iterator[None]:
    """No longer than needed: init must reap other orphans, such as those of a killed PostgreSQL."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


async def _read(fd: int) -> bytes:
    loop, is_readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(fd, is_readable.set)
    try:
        await is_readable.wait()
    finally:
        loop.remove_reader(fd)
    return os.read(fd, 64)


class _Child:
    """A child that asyncio has not started."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()
        self._fd = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._fd, self._reap)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        _, status = os.waitpid(self.pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def serve(control: socket.socket, *, has_head_start: bool) -> None:
    """Import the program and fork it on each order. Returns in each fork, which then runs `sys.argv`."""
    supervisor = os.getppid()
    # Imported objects stay: freeze them, so that garbage collection neither visits nor writes to them.
    gc.disable()
    if has_head_start:
        _import(_LIBRARIES)
        _receive_environment(control)
    _import(_PROGRAM)
    gc.freeze()
    control.send(_IMPORTED)
    is_prepared = False
    while received := socket.recv_fds(control, 1, 8)[1]:
        between = os.fork()
        if between == 0:
            between = os.getpid()
            if os.fork() != 0:
                os._exit(0)
            control.close()
            _become(supervisor, between, *received)
            return
        for fd in received:
            os.close(fd)
        os.waitpid(between, 0)
        if not is_prepared:
            # While the first fork works: in `shortener up` it migrates the database.
            _prepare()
            is_prepared = True
    sys.exit()


def _import(names: Iterable[str]) -> None:
    for name in names:
        importlib.import_module(name)


def _prepare() -> None:
    for name in _PREPARED:
        importlib.import_module(name).prepare()
    gc.freeze()


def _receive_environment(control: socket.socket) -> None:
    received = socket.recv_fds(control, 1, 1)[1]
    if not received:
        # The supervisor has ended.
        sys.exit()
    os.environ.clear()
    os.environ.update(_read_back(received[0]))


def _become(supervisor: int, between: int, answer: int, order_file: int, *received: int) -> None:
    """Turn this fork into the ordered process."""
    os.setpgid(0, 0)
    order = _Order(*_read_back(order_file))
    while os.getppid() == between:
        time.sleep(0.0002)
    end_with_parent(supervisor, order.stop_signal)
    os.write(answer, str(os.getpid()).encode())
    os.close(answer)
    for fd, goal in zip(received, order.descriptors, strict=True):
        os.dup2(fd, goal)
        os.close(fd)
    sys.argv[1:] = order.arguments
    os.environ.clear()
    os.environ.update(order.env)
    gc.enable()


if __name__ == "__main__":
    _, control_fd, *parent = sys.argv
    if parent:
        end_with_parent(int(parent[0]), signal.SIGTERM)
    setproctitle("shortener fork server")
    serve(socket.socket(fileno=int(control_fd)), has_head_start=bool(parent))
    quick_end.run(importlib.import_module("shortener.cli").main)
