"""The subject of measurements: `shortener up` with its links, default durability, and limits that count and are not
reached."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from redis import Redis

from shortener.clicks.stream import STREAM
from shortener.processes.embedded.data_directory import DataDirectory, RunFile
from tests.e2e.product import Product
from tests.load import stock
from tests.load.bare import URL
from tests.load.peers import CODE
from tests.load.runner import Target

HIGH_LIMITS = {f"limit_{name}": "900000000/minute" for name in ("api", "redirect", "miss")}


def pin(process: psutil.Process, core: int) -> None:
    for thread in process.threads():
        os.sched_setaffinity(thread.id, {core})


class Subject:
    """A running product with `links` links of the codes of `stock`, and one of the code CODE."""

    def __init__(self, folder: Path, links: int, **settings: object) -> None:
        folder.mkdir(exist_ok=True)
        self.links = links
        self.product = Product(
            folder / "data",
            **HIGH_LIMITS | {"web_processes": 1, "anonymous_links": True, "anonymous_manage": True} | settings,
        )  # type: ignore[arg-type]

    def start(self) -> "Subject":
        self.product.wait_until_ready()
        with self.product.client() as client:
            client.post("/api/v1/links", json={"url": URL, "code": CODE}).raise_for_status()
        asyncio.run(stock.fill(self.run, self.links))
        return self

    @property
    def run(self) -> RunFile:
        run = DataDirectory(self.product.data_dir).read_run_file()
        assert run is not None
        return run

    @property
    def webs(self) -> list[psutil.Process]:
        return self.product.named("shortener web")

    @property
    def worker(self) -> psutil.Process:
        return self.product.named("shortener worker")[0]

    @property
    def hot(self) -> Target:
        return Target("this product, one hot link", f"{self.product.url}/{CODE}")

    @property
    def miss(self) -> Target:
        return Target("this product, a code that does not exist", f"{self.product.url}/nowhere", status=404)

    @property
    def spread(self) -> Target:
        return Target(f"this product, spread over {self.links:,} links", self.product.url, self.links)

    def rss_mb(self) -> float:
        """Of the first web process."""
        return float(self.webs[0].memory_info().rss / 1e6)

    def pss_mb(self) -> float:
        """As `rss_mb`, but of what processes share the process has its part."""
        return float(self.webs[0].memory_full_info().pss / 1e6)

    @contextlib.contextmanager
    def without_worker(self) -> Iterator[None]:
        """Its cost belongs to the sustained rate; it drains between the rounds."""
        self.worker.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.worker.send_signal(signal.SIGCONT)
            with Redis.from_url(self.run.redis_url) as redis:
                while redis.xlen(STREAM):
                    time.sleep(0.2)


@contextlib.contextmanager
def running(folder: Path, links: int, **settings: object) -> Iterator[Subject]:
    """A subject that is ready; killed at the end."""
    # As after Ctrl-C: the product must not outlive what measures it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    subject = Subject(folder, links, **settings)
    try:
        yield subject.start()
    finally:
        subject.product.end()
