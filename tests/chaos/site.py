"""The product's processes, each of which can be killed, stopped, hung and started by itself."""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx
import psutil

from shortener.processes.embedded.postgres import EmbeddedPostgres
from shortener.processes.embedded.valkey import EmbeddedValkey
from shortener.processes.listening import bind, web_programs
from shortener.processes.supervisor import Program, die_with_parent
from shortener.redirect.cache import key_of
from shortener.settings import load_settings
from shortener.settings.source import variable
from shortener.stores.migration import upgrade
from shortener.stores.redis import create_redis
from tests.chaos.disks import Disk
from tests.chaos.limits import LIMITS
from tests.conftest import SECRET, eventually
from tests.e2e.product import free_port

READY_WITHIN_S = 60
ENDS_WITHIN_S = 60
LINKS = 400
# Of links with each limit; a fault needs one.
LIMITED_LINKS = 25
# Room for the servers' own files, and for some minutes of clicks.
POSTGRES_DISK_MB, VALKEY_DISK_MB = 320, 64
# What `shortener worker` runs, but that it takes over from the dead sooner.
_WORKER = """
import asyncio, workers.clicks
from workers.main import run
workers.clicks.ABANDONED_AFTER_MS = {abandoned_after_ms}
asyncio.run(run())
"""


class Part:
    """One process with its children, started again by `start` however it went."""

    def __init__(self, prepare: Callable[[], Program], log: Path) -> None:
        self._prepare = prepare
        self._log = log
        self._program: Program | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it can be used."""
        deadline_s = time.monotonic() + READY_WITHIN_S
        while not await self._start():
            assert time.monotonic() < deadline_s, self._log.read_text(errors="replace")[-2000:]

    async def _start(self) -> bool:
        program = self._program = await asyncio.to_thread(self._prepare)
        with self._log.open("ab") as log:
            process = self._process = await asyncio.create_subprocess_exec(
                *program.argv,
                env=program.env,
                process_group=0,
                preexec_fn=die_with_parent(signal.SIGKILL),
                **({"stdin": asyncio.subprocess.DEVNULL, "stdout": log, "stderr": log} | program.popen),
            )
        if program.ready is None:
            return True
        ready, ended = asyncio.ensure_future(program.ready()), asyncio.create_task(process.wait())
        await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED, timeout=READY_WITHIN_S)
        is_ready = ready.done() and not ended.done()
        for task in (ready, ended):
            task.cancel()
        await asyncio.gather(ready, ended, return_exceptions=True)
        return is_ready

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def family(self) -> list[psutil.Process]:
        """The process, then its children."""
        assert self._process is not None
        process = psutil.Process(self._process.pid)
        return [process, *process.children(recursive=True)]

    def _signal(self, number: signal.Signals) -> list[psutil.Process]:
        family = self.family()
        for process in family:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        return family

    def hang(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    async def kill(self) -> None:
        family = self._signal(signal.SIGKILL)
        await self._wait()
        await asyncio.to_thread(psutil.wait_procs, family, 10)

    async def stop(self) -> None:
        """End it as an operator does; it must end well."""
        assert self._program is not None
        assert self._process is not None
        self._process.send_signal(self._program.stop_signal)
        # uvicorn has done with everything, then ends by the signal that it was sent.
        assert await self._wait() in {0, -signal.SIGTERM}, self._log.read_text(errors="replace")[-2000:]

    async def _wait(self) -> int:
        assert self._process is not None
        try:
            return await asyncio.wait_for(self._process.wait(), ENDS_WITHIN_S)
        except TimeoutError:
            said = self._log.read_text(errors="replace")[-2000:]
            raise AssertionError(f"{self._process.pid} does not end. {self._log.name}: {said}") from None


class Site:
    """PostgreSQL, Valkey, two workers and two web processes on one socket. With `small_disks` the servers have their
    data on disks that can be filled."""

    def __init__(self, folder: Path, abandoned_after_ms: int = 10_000, small_disks: bool = False) -> None:
        self._folder = folder
        self.postgres_disk = Disk(folder / "postgres-disk", POSTGRES_DISK_MB)
        self.valkey_disk = Disk(folder / "valkey-disk", VALKEY_DISK_MB)
        self._disks = [self.postgres_disk, self.valkey_disk] if small_disks else []
        self._run_dir = Path(tempfile.mkdtemp(prefix="chaos-"))
        self._abandoned_after_ms = abandoned_after_ms
        self._web_settings: dict[str, str] = {}
        self.appendfsync = "everysec"
        # After this long without a change no more clicks arrive: those of a dead worker are claimed by then.
        self.still_after_s = abandoned_after_ms / 1000 + 3.0
        self._postgres = EmbeddedPostgres(self.postgres_disk.path if small_disks else folder, self._run_dir)
        self._valkey = EmbeddedValkey(self.valkey_disk.path if small_disks else folder, self._run_dir)
        self._settings = load_settings(
            host="127.0.0.1",
            port=free_port(),
            web_processes=1,
            database_url=self._postgres.url,
            redis_url=self._valkey.url,
            secret_key=SECRET,
            trusted_proxies="127.0.0.1",
            anonymous_links=True,
            anonymous_manage=True,
            limit_api="off",
            # High, not off: counting is part of each round trip.
            limit_redirect="100000000/minute",
            log_level="warning",
        )
        self.port = self._settings.port
        self._listener: socket.socket = bind(self._settings)
        self.redis = create_redis(self._settings.redis_url)
        self._links: dict[str, int] = {}
        self._limited: dict[int, list[str]] = {}
        self.postgres = self._part("postgres", self._postgres.prepare)
        self.valkey = self._part("valkey", self._valkey_program)
        self.workers = [self._part(f"worker{n}", self._worker_program) for n in range(2)]
        self.webs = [self._part(f"web{n}", self._web_program) for n in range(2)]

    def _part(self, name: str, prepare: Callable[[], Program]) -> Part:
        return Part(prepare, self._folder / f"{name}.out")

    @property
    def parts(self) -> list[Part]:
        return [self.postgres, self.valkey, *self.workers, *self.webs]

    @property
    def environment(self) -> dict[str, str]:
        """For the product's commands."""
        names = ("port", "database_url", "redis_url", "trusted_proxies", "limit_api", "limit_redirect", "log_level")
        values = {name: getattr(self._settings, name) for name in names}
        values |= {
            "anonymous_links": "true",
            "anonymous_manage": "true",
            "trusted_proxies": "127.0.0.1",
            "limit_api": "off",
            "limit_redirect": "100000000/minute",
        }
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SHORTENER_")}
        return plain | {variable(n): str(v) for n, v in (values | {"secret_key": SECRET} | self._web_settings).items()}

    def _valkey_program(self) -> Program:
        program = self._valkey.prepare()
        program.argv = [*program.argv, "--appendfsync", self.appendfsync]
        return program

    def _worker_program(self) -> Program:
        code = _WORKER.format(abandoned_after_ms=self._abandoned_after_ms)
        return Program("worker", [sys.executable, "-c", code], self.environment)

    def _web_program(self) -> Program:
        return web_programs(self._settings, self._listener, self.environment)[0]

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            # Nobody else unmounts what was mounted.
            await self.__aexit__()
            raise
        return self

    async def _open(self) -> None:
        for disk in self._disks:
            assert disk.mount(), "mounting is not allowed here"
        await asyncio.gather(self.postgres.start(), self.valkey.start())
        await asyncio.to_thread(upgrade, self._settings.database_url)
        await asyncio.gather(*(part.start() for part in (*self.workers, *self.webs)))
        await self.until_all_serve()
        await self._create_links(LINKS)

    async def until_all_serve(self) -> None:
        """Each web process listens to what Redis reports, which is the last of its start."""

        async def all_listen() -> bool:
            return len(await self.redis.client_list(_type="pubsub")) == len(self.webs)

        await eventually(all_listen, within_s=READY_WITHIN_S)

    async def __aexit__(self, *_: object) -> None:
        for part in reversed(self.parts):
            if part.is_running:
                await part.kill()
        await self.redis.aclose()
        self._listener.close()
        shutil.rmtree(self._run_dir)
        for disk in filter(Disk.is_mounted, self._disks):
            disk.unmount()

    async def set_up(self, appendfsync: str = "everysec", **web_settings: str) -> None:
        """Run with these from now on."""
        if appendfsync != self.appendfsync:
            self.appendfsync = appendfsync
            await self.valkey.stop()
            await self.valkey.start()
            assert (await self.redis.config_get("appendfsync"))["appendfsync"] == appendfsync
        if web_settings != self._web_settings:
            self._web_settings = web_settings
            for web in self.webs:
                await web.stop()
                await web.start()
                await self.until_all_serve()

    async def connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(host=str(self._run_dir), user="shortener", database="shortener", timeout=10)

    def take_links(self, count: int) -> dict[str, int]:
        """Codes of links that nobody has followed, with their ids."""
        return dict(self._links.popitem() for _ in range(count))

    def take_limited_links(self) -> dict[str, int]:
        """Codes of links with a limit that nobody has followed, with their limits."""
        return {codes.pop(): limit for limit, codes in self._limited.items()}

    async def _create_links(self, count: int) -> None:
        """Make them, and wait until they can be cached: a new link's code has been evicted."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=30, trust_env=False) as client:
            codes = [await _create(client) for _ in range(count)]
            for limit in LIMITS:
                self._limited[limit] = [await _create(client, max_clicks=limit) for _ in range(LIMITED_LINKS)]
        connection = await self.connect()
        rows = await connection.fetch("SELECT code, id FROM links WHERE code = ANY($1::text[])", codes)
        await connection.close()
        self._links = {row["code"]: row["id"] for row in rows}

        async def can_be_cached() -> bool:
            return not await self.redis.exists(*map(key_of, codes))

        await eventually(can_be_cached, within_s=10)

    async def command(self, *arguments: str) -> str:
        """The output of a command of the service."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "shortener", *arguments, env=self.environment, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        return output.decode()


async def _create(client: httpx.AsyncClient, **options: int) -> str:
    body = {"url": "https://example.com/", **options}
    answer: dict[str, Any] = (await client.post("/api/v1/links", json=body)).json()
    return str(answer["code"])
