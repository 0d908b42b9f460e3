"""The peers that redirects are measured beside, each on the servers' core."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.load.bare import URL
from tests.load.runner import SERVER_CORE, Target

CODE = "abc1234"
BARE, LUA = "bare uvicorn, constant", "nginx + Lua, GET + XADD"
_HERE = Path(__file__).parent


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/{CODE}", trust_env=False)
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


@contextlib.contextmanager
def process(
    *argv: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(argv, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(20)


@contextlib.contextmanager
def constants() -> Iterator[list[Target]]:
    """Bare uvicorn and a FastAPI route."""
    with contextlib.ExitStack() as stack:
        peers = []
        for name, app, port in ((BARE, "bare", 8190), ("FastAPI route, constant", "route", 8191)):
            options = ("--port", str(port), "--no-access-log", "--log-level", "error", "--lifespan", "off")
            argv = ("taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "uvicorn", f"tests.load.{app}:app")
            stack.enter_context(process(*argv, *options))
            wait_for_port(port)
            peers.append(Target(name, f"http://127.0.0.1:{port}/{CODE}"))
        yield peers


@contextlib.contextmanager
def nginx() -> Iterator[list[Target]]:
    """nginx with a constant redirect, and with Lua and Redis; nothing where they are not installed."""
    if not (shutil.which("nginx") and shutil.which("redis-server") and Path("/usr/lib/nginx/modules").is_dir()):
        yield []
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        Path(folder).chmod(0o755)
        redis = ("redis-server", "--bind", "127.0.0.1", "--port", "6398", "--save", "", "--appendonly", "no")
        stack.enter_context(process(*redis, cwd=Path(folder)))
        stack.enter_context(process("nginx", "-p", folder, "-c", str(_HERE / "peer.conf")))
        wait_for_port(8193)
        subprocess.run(["redis-cli", "-p", "6398", "set", f"link:{CODE}", URL], check=True, stdout=subprocess.DEVNULL)
        yield [
            Target("nginx, constant, access log", f"http://127.0.0.1:8192/{CODE}"),
            Target(LUA, f"http://127.0.0.1:8193/{CODE}"),
        ]
