"""Measures starts: of everything, of a process that was killed, and of commands; and the memory of web processes.

`--before` names a checkout of another version, whose starts alternate with those of this one.
"""

import argparse
import contextlib
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.e2e.product import free_port
from tests.load import frame, page

HERE = Path(__file__).parents[2]
COMMANDS = (("--help",), ("doctor",), ("shorten", "https://example.com/"))
DEADLINE_S = 90.0
POLL_S = 0.01
# In the order of the table, with the figure that is asked for: a share of the version before, or an absolute value.
FIGURES = {
    "first start, until ready": "s",
    "warm start, until ready": "s",
    "killed web process, until it answers": "s",
    "killed worker, until a click is counted": "s",
    "proportional memory of a web process": "MB",
    **{f"processor time of `shortener {' '.join(argv)}`": "s" for argv in COMMANDS},
}


class Product:
    """A version of the product with data of its own. Two web processes, unless `webs` says otherwise."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self._checkout = checkout
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._client = httpx.Client(timeout=5, headers={"Connection": "close"})

    def environment(self, webs: int = 2) -> dict[str, str]:
        # A warm start finds compiled modules.
        left_out = ("SHORTENER_", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        return kept | {
            "PYTHONPATH": str(self._checkout),
            "SHORTENER_DATA_DIR": str(self.folder),
            "SHORTENER_PORT": str(self.port),
            "SHORTENER_WEB_PROCESSES": str(webs),
            "SHORTENER_LOG_LEVEL": "error",
            "SHORTENER_LIMIT_API": "off",
        }

    @contextlib.contextmanager
    def running(self, webs: int = 2) -> Iterator[psutil.Process]:
        argv = [sys.executable, "-m", "shortener", "up"]
        options: dict[str, Any] = {"cwd": self._checkout, "env": self.environment(webs)}
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options) as process:
            try:
                yield psutil.Process(process.pid)
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(DEADLINE_S)

    def start_s(self) -> float:
        """Seconds until `/health/ready` is 200."""
        began_s = time.perf_counter()
        with self.running():
            self._until(lambda: self._get("/health/ready").status_code == 200)
            return time.perf_counter() - began_s

    def processor_s(self, argv: tuple[str, ...]) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "shortener", *argv]
        subprocess.run(command, cwd=self._checkout, env=self.environment(), stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def web_s(self, up: psutil.Process) -> float:
        """Seconds until the only web process answers again after it was killed."""
        [web] = _titled(up, "web")
        web.kill()
        web.wait(DEADLINE_S)
        began_s = time.perf_counter()
        self._until(lambda: self._get("/health/live").status_code == 200)
        return time.perf_counter() - began_s

    def worker_s(self, up: psutil.Process) -> float:
        """Seconds until a click is counted that comes when the killed worker has ended. One that Redis gives to a
        worker while it ends waits for `ABANDONED_AFTER_MS`."""
        link = httpx.post(f"{self.url}/api/v1/links", json={"url": "https://example.com/"}).json()
        for worker in _titled(up, "worker"):
            worker.kill()
            worker.wait(DEADLINE_S)
        began_s = time.perf_counter()
        self._get(f"/{link['code']}", headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"})
        self._until(lambda: self._get(f"/api/v1/links/{link['code']}").json()["clicks"] == 1)
        return time.perf_counter() - began_s

    def memory_mb(self, up: psutil.Process) -> float:
        """The mean of the web processes, after each has answered."""
        for _ in range(50):
            self._get("/health/ready")
        webs = _titled(up, "web")
        return sum(web.memory_full_info().pss for web in webs) / len(webs) / 2**20

    def _get(self, path: str, **options: Any) -> httpx.Response:
        # A client for each request would load certificates each time, and take a core from what is measured.
        return self._client.get(self.url + path, **options)

    def _until(self, holds: Callable[[], bool]) -> None:
        deadline_s = time.perf_counter() + DEADLINE_S
        while time.perf_counter() < deadline_s:
            with contextlib.suppress(httpx.TransportError):
                if holds():
                    return
            time.sleep(POLL_S)
        raise TimeoutError(f"not within {DEADLINE_S:g} s")


def _titled(up: psutil.Process, name: str) -> list[psutil.Process]:
    """The processes that serve, by their titles, or by their arguments in versions without titles."""
    found = []
    for process in up.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            words = " ".join(process.cmdline())
            if words.startswith(f"shortener {name}") or words.endswith(f"shortener {name}") or f"{name} --" in words:
                found.append(process)
    if not found:
        raise LookupError(f"no process of the {name}")
    return found


def measure(checkout: Path) -> dict[str, float]:
    """All figures of one version, once."""
    with tempfile.TemporaryDirectory() as folder:
        product = Product(checkout, Path(folder))
        found = [product.start_s(), product.start_s()]
        with product.running(webs=1) as up:
            product._until(lambda: product._get("/health/ready").status_code == 200)
            found += [product.web_s(up), product.worker_s(up)]
        with product.running() as up:
            product._until(lambda: product._get("/health/ready").status_code == 200)
            found.append(product.memory_mb(up))
            found += [product.processor_s(argv) for argv in COMMANDS]
    return dict(zip(FIGURES, found, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="A checkout of the version to compare with.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="Write docs/benchmarks.md.")
    options = parser.parse_args()
    options.section = "start"
    versions = {"now": HERE} | ({"before": options.before.resolve()} if options.before else {})
    results: dict[str, list[dict[str, float]]] = {name: [] for name in versions}
    for n in range(options.rounds):
        for name, checkout in versions.items():
            results[name].append(measure(checkout))
            print(f"round {n}  {name}  {results[name][-1]}", flush=True)
    frame.tell(options, f"{_table(results)}\n\nMedians of {options.rounds} alternating rounds.")


def _table(results: dict[str, list[dict[str, float]]]) -> str:
    rows = []
    for figure, unit in FIGURES.items():
        medians = {name: statistics.median(each[figure] for each in rounds) for name, rounds in results.items()}
        row = [figure, f"{medians['now']:.3g} {unit}"]
        if "before" in medians:
            row += [f"{medians['before']:.3g} {unit}", f"{medians['now'] / medians['before']:.2f}"]
        rows.append(row)
    head = ["", "now", "before", "ratio"] if "before" in results else ["", "now"]
    return page.table(head, rows)


if __name__ == "__main__":
    main()
