"""Processes that are started in order, started again when they die, and stopped in reverse."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

log = structlog.get_logger(__name__)

RESTART_PAUSE_S = 0.2
RESTART_PAUSE_MAX_S = 10.0
# A process that has run so long was well: its next restart waits no longer than the first.
STEADY_AFTER_S = 30.0
_PR_SET_PDEATHSIG = 1


class StartFailed(Exception):
    """A process ended, or did not become ready; the message is for the operator."""


@dataclass
class Program:
    """What to start. `ready` returns once the process can be used; it is cancelled when the process ends."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    ready: Callable[[], Awaitable[None]] | None = None
    # Says in one line why the process ended while it was starting.
    explain: Callable[[], str] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 60.0
    popen: dict[str, Any] = field(default_factory=dict)


def die_with_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    """For a child, before exec: get this signal when the parent is gone, however it went (Linux)."""
    if sys.platform != "linux":
        return lambda: None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:  # It went in the meantime.
            os._exit(1)

    return prepare


class Supervisor:
    """Runs programs as one: `start` each in order, then `wait`, then `stop`.

    `on_death` is told the id of each process that has ended unasked, before another takes its place.
    """

    def __init__(self, on_death: Callable[[int], None] | None = None) -> None:
        self._on_death = on_death
        self._running: list[tuple[Program, asyncio.subprocess.Process]] = []
        self._watchers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self, *programs: Program) -> None:
        """Start these at the same time and wait until all are ready. Raises StartFailed."""
        await asyncio.gather(*(self._start(program) for program in programs))

    async def _start(self, program: Program) -> None:
        process = await self._spawn(program)
        self._running.append((program, process))
        started_at_s = time.monotonic()
        if program.ready is not None:
            await self._until_ready(program, process)
        self._watchers.append(asyncio.create_task(self._watch(program, process, started_at_s)))

    async def _spawn(self, program: Program) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *program.argv,
            env=program.env,
            stdin=asyncio.subprocess.DEVNULL,
            # A terminal's Ctrl-C goes to its whole process group; in one of their own they are stopped in order.
            process_group=0,
            preexec_fn=die_with_parent(program.stop_signal),
            **program.popen,
        )
        log.debug("process_started", name=program.name, pid=process.pid)
        return process

    async def _until_ready(self, program: Program, process: asyncio.subprocess.Process) -> None:
        assert program.ready is not None
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

    async def _watch(self, program: Program, process: asyncio.subprocess.Process, started_at_s: float) -> None:
        pause_s = RESTART_PAUSE_S
        while True:
            code = await process.wait()
            if self._stopping:
                return
            if self._on_death is not None:
                self._on_death(process.pid)
            if time.monotonic() - started_at_s > STEADY_AFTER_S:
                pause_s = RESTART_PAUSE_S
            log.error("process_died", name=program.name, exit_code=code, restart_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RESTART_PAUSE_MAX_S)
            if self._stopping:
                return
            started_at_s = time.monotonic()
            successor = await self._spawn(program)
            self._running[self._running.index((program, process))] = (program, successor)
            process = successor

    async def stop(self) -> None:
        """Stop everything, the last started first; what does not end in time is killed."""
        self._stopping = True
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        groups: list[list[tuple[Program, asyncio.subprocess.Process]]] = []
        for program, process in self._running:
            if groups and groups[-1][0][0].name == program.name:
                groups[-1].append((program, process))
            else:
                groups.append([(program, process)])
        for group in reversed(groups):
            await asyncio.gather(*(self._end(program, process) for program, process in group))

    async def _end(self, program: Program, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None:
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
