"""The data folder of `shortener up`, and the run folder of its sockets."""

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

import msgspec

from shortener.errors import OperatorError

# Bytes of a Unix socket's path (man 7 unix), and of the longest name that a server gives its socket.
_MAX_SOCKET_PATH = 107
_LONGEST_SOCKET = ".s.PGSQL.5432.lock"


class DataDirectoryInUse(OperatorError):
    """Another supervisor runs on the same data folder."""


class DirectoryUnusable(OperatorError):
    """The data folder, or the folder for sockets, cannot be used."""


class RunFile(msgspec.Struct):
    """The data that other commands on this machine need to find the servers."""

    pid: int
    run_dir: str
    database_url: str
    redis_url: str
    base_url: str
    code_case: Literal["sensitive", "insensitive"] = "sensitive"


class DataDirectory:
    """The data folder: locked by one supervisor at a time, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    def lock(self) -> Self:
        """Raises DataDirectoryInUse, DirectoryUnusable."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            raise DirectoryUnusable(
                f"SHORTENER_DATA_DIR cannot be used: {error.filename}: {error.strerror}. Set it to a folder in which "
                "this user may write."
            ) from error
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
        """The secret of this data folder; created at the first call."""
        path = self.path / "secret_key"
        with (
            contextlib.suppress(FileExistsError),
            open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file,
        ):
            file.write(secrets.token_urlsafe(48))
        return path.read_text().strip()


@contextlib.contextmanager
def run_directory(data: DataDirectory) -> Iterator[Path]:
    """A folder with a short path for sockets, which only this user may enter. Raises DirectoryUnusable."""
    stale = data.read_run_file()
    if stale is not None and Path(stale.run_dir).name.startswith("shortener-"):
        shutil.rmtree(stale.run_dir, ignore_errors=True)
    try:
        path = Path(tempfile.mkdtemp(prefix="shortener-"))
    except OSError as error:
        raise DirectoryUnusable(
            f"Cannot create a folder for sockets: {error.filename}: {error.strerror}. Set TMPDIR to a folder in which "
            "this user may write."
        ) from error
    try:
        if len(os.fsencode(path / _LONGEST_SOCKET)) > _MAX_SOCKET_PATH:
            raise DirectoryUnusable(
                f"TMPDIR is too long for the path of a socket, which has at most {_MAX_SOCKET_PATH} bytes: "
                f"{path.parent}. Set it to a shorter folder, such as /tmp."
            )
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
