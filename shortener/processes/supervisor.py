"""Starts processes in order, restarts them when they die, and stops them in reverse."""

import asyncio
import contextlib
import ctypes
import itertools
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import structlog

from shortener.errors import OperatorError

log = structlog.get_logger(__name__)

# The first restart is immediate; each further one waits twice as long as the one before.
RESTART_PAUSE_S = 0.2
RESTART_PAUSE_MAX_S = 10.0
# A process that has run this long was well: its next restart is immediate again.
STEADY_AFTER_S = 30.0
# Bytes that fit into a pipe that nobody reads yet.
_MAX_OUTPUT_BYTES = 4096
# The beginning of the program's own command line.
SHORTENER = (sys.executable, "-m", "shortener")
_PR_SET_PDEATHSIG = 1
# Loaded early: a child can do little between fork and exec.
_libc = ctypes.CDLL(None)


class StartFailed(OperatorError):
    """A process ended, or did not become ready."""

    def __init__(self, reason: str) -> None:
        advice = ". Free some space, then start again." if "No space left" in reason else ""
        super().__init__(reason + advice)


class CommandFailed(OperatorError):
    """A command of the program failed, and has already printed the reason."""


class Process(Protocol):
    """A child process, started by asyncio or by a fork server."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    async def wait(self) -> int: ...

    def send_signal(self, signal: int, /) -> None: ...

    def kill(self) -> None: ...


@dataclass
class Program:
    """A program to start. `ready` returns once the process can be used; it is cancelled if the process ends."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    ready: Callable[[], Awaitable[None]] | None = None
    # Returns in one line why the process ended during its start.
    explain: Callable[[], str] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 60.0
    # The program's own commands can have descriptors only for stdin and stdout.
    popen: dict[str, Any] = field(default_factory=dict)
    # Runs already: the first start takes this process.
    running: Process | None = None

    @property
    def is_own(self) -> bool:
        """Whether this is one of the program's own commands."""
        return tuple(self.argv[: len(SHORTENER)]) == SHORTENER


def die_with_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    """For a child, before exec: get this signal when the parent ends in any way (Linux)."""
    parent = os.getpid()
    return lambda: end_with_parent(parent, stop_signal)


def end_with_parent(parent: int, stop_signal: int) -> None:
    """Make this process get the signal when its parent ends; end it if the parent has already ended."""
    if sys.platform != "linux":
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal))
    if os.getppid() != parent:
        os._exit(1)


@dataclass
class _Child:
    program: Program
    process: Process | None = None
    started_at_s: float = 0.0


class Supervisor:
    """Runs programs as one: `start` each in order, then `wait`, then `stop`.

    `on_death` is called with the id of each process that ended unexpectedly, before its replacement starts. `fork`
    starts the program's own commands, where the system has what a fork server needs.
    """

    def __init__(
        self,
        on_death: Callable[[int], None] | None = None,
        fork: Callable[[Program], Awaitable[Process]] | None = None,
    ) -> None:
        self._on_death = on_death
        self._fork = fork
        self._children: list[_Child] = []
        self._watchers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self, *programs: Program) -> None:
        """Start these at the same time and wait until all are ready. Raises StartFailed."""
        children = [_Child(program) for program in programs]
        self._children += children
        await asyncio.gather(*map(self._start, children))

    async def run(self, program: Program) -> str:
        """Run a command to its end; returns its output, which is short. Raises CommandFailed."""
        output, far_end = os.pipe()
        child = _Child(replace(program, popen=program.popen | {"stdout": far_end}))
        try:
            try:
                process = await self._launch(child)
            finally:
                os.close(far_end)
            self._children.append(child)
            code = await process.wait()
            self._children.remove(child)
            if code != 0:
                raise CommandFailed
            return os.read(output, _MAX_OUTPUT_BYTES).decode()
        finally:
            os.close(output)

    async def _start(self, child: _Child) -> None:
        await self._launch(child)
        if child.program.ready is not None:
            await self._until_ready(child)
        self._watchers.append(asyncio.create_task(self._watch(child)))

    async def _launch(self, child: _Child) -> Process:
        child.process = await self._spawn(child.program)
        child.started_at_s = time.monotonic()
        return child.process

    async def _spawn(self, program: Program) -> Process:
        if program.running is not None:
            process, program.running = program.running, None
        elif program.is_own and self._fork is not None:
            process = await self._fork(program)
        else:
            process = await asyncio.create_subprocess_exec(
                *program.argv,
                env=program.env,
                # A terminal's Ctrl-C goes to its whole process group. Children have their own groups, so they are
                # stopped in order.
                process_group=0,
                preexec_fn=die_with_parent(program.stop_signal),
                **{"stdin": asyncio.subprocess.DEVNULL} | program.popen,
            )
        log.debug("process_started", name=program.name, pid=process.pid)
        return process

    async def _until_ready(self, child: _Child) -> None:
        program, process = child.program, child.process
        assert program.ready is not None
        assert process is not None
        ready = asyncio.ensure_future(program.ready())
        ended = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                ready.result()
            else:
                reason = program.explain() if program.explain else f"exit code {process.returncode}"
                raise StartFailed(f"{program.name} could not start: {reason}")
        finally:
            for task in (ready, ended):
                task.cancel()
            await asyncio.gather(ready, ended, return_exceptions=True)

    async def _watch(self, child: _Child) -> None:
        pause_s = 0.0
        while True:
            assert child.process is not None
            code = await child.process.wait()
            if self._stopping:
                return
            if self._on_death is not None:
                self._on_death(child.process.pid)
            if time.monotonic() - child.started_at_s > STEADY_AFTER_S:
                pause_s = 0.0
            log.error("process_died", name=child.program.name, exit_code=code, restart_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(max(pause_s * 2, RESTART_PAUSE_S), RESTART_PAUSE_MAX_S)
            if self._stopping:
                return
            try:
                await self._launch(child)
            except OSError as error:
                log.error("process_not_started", name=child.program.name, error=repr(error))

    async def stop(self) -> None:
        """Stop everything, the last started first; processes that do not end in time are killed."""
        self._stopping = True
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for _, group in itertools.groupby(reversed(self._children), key=lambda child: child.program.name):
            await asyncio.gather(*map(self._end, group))

    async def _end(self, child: _Child) -> None:
        program, process = child.program, child.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(program.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), program.stop_timeout_s)
        except TimeoutError:
            log.error("process_killed", name=program.name, after_s=program.stop_timeout_s)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        log.debug("process_stopped", name=program.name, exit_code=process.returncode)
