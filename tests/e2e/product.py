"""The product as an operator runs it: `shortener up` in a process of its own, on a folder of its own."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import psutil

READY_WITHIN_S = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(*arguments: str, data_dir: Path, **settings: object) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of a `shortener` command on this data folder."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SHORTENER_")}
    chosen = {f"SHORTENER_{name.upper()}": str(value) for name, value in settings.items()}
    environment = plain | {"SHORTENER_DATA_DIR": str(data_dir)} | chosen
    return [sys.executable, "-m", "shortener", *arguments], environment


def run_command(
    *arguments: str, data_dir: Path, within_s: float = 60, **settings: object
) -> subprocess.CompletedProcess[str]:
    argv, environment = command(*arguments, data_dir=data_dir, **settings)
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=within_s, check=False)


class Product:
    """A running `shortener up`; what it prints goes to `log`."""

    def __init__(self, data_dir: Path, popen: Mapping[str, object] | None = None, **settings: object) -> None:
        self.data_dir = data_dir
        self.port = int(str(settings.pop("port", 0))) or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data_dir.parent / "up.log"
        limits = {f"limit_{name}": "off" for name in ("api", "api_bytes", "redirect", "miss")}
        python, python_path = str(settings.pop("python", sys.executable)), str(settings.pop("python_path", ""))
        argv, environment = command("up", data_dir=data_dir, port=self.port, **limits | {"web_processes": 2} | settings)
        argv[0] = python
        environment |= {"PYTHONPATH": python_path} if python_path else {}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log, **(popen or {}))  # type: ignore[call-overload]
        self.process = psutil.Process(self._process.pid)
        self._family: list[psutil.Process] = []

    def wait_until_ready(self) -> "Product":
        deadline = time.monotonic() + READY_WITHIN_S
        while "Ctrl-C stops it." not in self.output():
            assert self._process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.05)
        return self

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def family(self) -> list[psutil.Process]:
        """All processes that it has started, and itself."""
        return [self.process, *self.process.children(recursive=True)]

    def named(self, pattern: str) -> list[psutil.Process]:
        """Its direct children whose command line matches."""
        found = []
        for child in self.process.children():
            with contextlib.suppress(psutil.Error):
                if re.search(pattern, " ".join(child.cmdline())):
                    found.append(child)
        return found

    def stop(self, signal_: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code; nothing that it has started is left."""
        family = self.family()
        self.process.send_signal(signal_)
        code = self._process.wait(60)
        left = [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
        assert left == [], left
        return code

    def kill_all(self) -> None:
        """As when the machine loses power: no process gets to do anything."""
        family = self.family()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(10)
        psutil.wait_procs(family, timeout=10)

    def end(self) -> None:
        if self._process.poll() is None:
            self.kill_all()

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"User-Agent": CHROME}, timeout=20)


CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


@contextlib.contextmanager
def running(data_dir: Path, **settings: object) -> Iterator[Product]:
    """A product that is ready; killed at the end when the test has not stopped it."""
    product = Product(data_dir, **settings)  # type: ignore[arg-type]
    try:
        yield product.wait_until_ready()
    finally:
        product.end()


def eventually(check: "object", within_s: float = 10.0) -> None:
    """Ask again until the callable gives something true; its last answer is the failure's."""
    deadline = time.monotonic() + within_s
    while True:
        answer = check()  # type: ignore[operator]
        if answer:
            return
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)


def clicks_of(client: httpx.Client, code: str) -> int:
    clicks: int = client.get(f"/api/v1/links/{code}/stats").raise_for_status().json()["clicks"]
    return clicks


def create(client: httpx.Client, url: str = "https://example.com/", **fields: object) -> str:
    code: str = client.post("/api/v1/links", json={"url": url, **fields}).raise_for_status().json()["code"]
    return code
