"""A copy of a file for all processes of this user, in the folder for temporary files.

A reader maps the copy into memory instead of the file itself: the system kills a process that reads a mapped file after
somebody has shortened it, and a plain `cp` over a file does that. The pages of one mapped file are in memory once,
however many processes read them.
"""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

_CHUNK_BYTES = 1 << 20


@contextlib.contextmanager
def shared_copy(path: Path) -> Iterator[Path]:
    """The copy's path; the copy stays there until the end of the context. A process that has opened it by then keeps
    it. Raises OSError."""
    folder = _own_folder()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # The processes of a command start at the same time; the first one makes the copy.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield _copy(path, folder)
    finally:
        os.close(descriptor)


def _own_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"shortener-places-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    # Other users may write to the parent. Nobody else may provide the data that this process reads.
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise PermissionError(f"{folder} belongs to somebody else, or others may write to it")
    return folder


def _copy(path: Path, folder: Path) -> Path:
    with path.open("rb") as source:
        version = _version(source.fileno())
        copy = folder / version
        if not copy.exists():
            for old in folder.iterdir():
                old.unlink()
            unfinished = folder / "unfinished"
            with unfinished.open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK_BYTES)
            if _version(source.fileno()) != version:
                raise OSError(f"{path} changed while it was read")
            unfinished.rename(copy)
    return copy


def _version(descriptor: int) -> str:
    status = os.fstat(descriptor)
    return f"{status.st_dev}-{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"
