"""Small disks of their own for the servers, which can be full (Linux, and only for who may mount)."""

import subprocess
import tempfile
from pathlib import Path

_PIECE = bytes(2**16)


class Disk:
    """A file system in memory at `path`."""

    def __init__(self, path: Path, size_mb: int) -> None:
        self.path = path
        self._size_mb = size_mb
        self._filler = path / "filler"

    def mount(self) -> bool:
        """False where this is not allowed."""
        self.path.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={self._size_mb}m,mode=755", "tmpfs", str(self.path)]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            return False

    def is_mounted(self) -> bool:
        return self.path.is_mount()

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)

    def fill(self) -> None:
        """Leave no byte."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (len(_PIECE), 1):
                try:
                    while file.write(_PIECE[:size]) == size:
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        self._filler.unlink()


def may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        disk = Disk(Path(folder), 1)
        if not disk.mount():
            return False
        disk.unmount()
        return True
