"""`shortener up`: everything on one machine, started in order and stopped in reverse."""

import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from shortener.clicks.metrics import CLICKS_BUFFERED, CLICKS_LOST
from shortener.observability.exposition import MetricsFiles, serving_metrics_of_children
from shortener.processes.embedded.data_directory import DataDirectory, RunFile, run_directory
from shortener.processes.embedded.postgres import EmbeddedPostgres
from shortener.processes.embedded.valkey import EmbeddedValkey
from shortener.processes.fork_server import ForkServer
from shortener.processes.head_start import is_supported
from shortener.processes.heartbeats import is_any_well
from shortener.processes.listening import bind, web_programs
from shortener.processes.supervisor import SHORTENER, Program, Supervisor
from shortener.settings import Settings, load_settings
from shortener.settings.source import variable
from shortener.settings.values import is_loopback
from shortener.stores.redis import create_redis

_HEARTBEAT_POLL_S = 0.1


async def up(settings: Settings, console: Console) -> None:
    """Run until SIGTERM or SIGINT. Raises StartFailed, CommandFailed, DataDirectoryInUse, DirectoryUnusable, PortInUse,
    MetricsPortInUse, OSError."""
    stop = _stop_event()
    data = DataDirectory(settings.data_dir).lock()
    try:
        with (
            bind(settings) as listener,
            serving_metrics_of_children(settings, CLICKS_BUFFERED, CLICKS_LOST) as metrics,
            run_directory(data) as run_dir,
        ):
            await _Up(settings, data, run_dir, listener, metrics).run(stop, console)
    finally:
        data.unlock()


async def run_web(settings: Settings, listener: socket.socket) -> None:
    """Several web processes on one socket, until SIGTERM or SIGINT. Raises StartFailed, MetricsPortInUse, OSError."""
    stop = _stop_event()
    with serving_metrics_of_children(settings, CLICKS_BUFFERED, CLICKS_LOST) as metrics:
        env = _environment(metrics)
        supervisor, fork_server = _supervisor(metrics, env)
        try:
            await supervisor.start(*fork_server)
            await supervisor.start(*web_programs(settings, listener, env))
            await stop.wait()
        finally:
            await supervisor.stop()


def _environment(metrics: MetricsFiles | None) -> dict[str, str]:
    return os.environ | (metrics.env() if metrics else {})


def _supervisor(metrics: MetricsFiles | None, env: dict[str, str]) -> tuple[Supervisor, list[Program]]:
    """A supervisor, and the fork server to start first if the system supports it."""
    on_death = metrics.bury if metrics else None
    if not is_supported():
        return Supervisor(on_death), []
    fork_server = ForkServer(env)
    return Supervisor(on_death, fork_server.fork), [fork_server.program]


def _stop_event() -> asyncio.Event:
    """An event that the stop signals set."""
    stop = asyncio.Event()
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(stop_signal, stop.set)
    return stop


class _Up:
    """Servers and the fork server, then the schema, then worker and web: each needs the one before."""

    def __init__(
        self,
        settings: Settings,
        data: DataDirectory,
        run_dir: Path,
        listener: socket.socket,
        metrics: MetricsFiles | None,
    ) -> None:
        self._settings = settings
        self._data = data
        self._run_dir = run_dir
        self._listener = listener
        self._env = _environment(metrics)
        self._supervisor, self._fork_server = _supervisor(metrics, self._env)

    async def run(self, stop: asyncio.Event, console: Console) -> None:
        starting = asyncio.create_task(self._start())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                _greet(self._settings, starting.result(), console)
                await stopping
                console.print("Stopping …")
        finally:
            for task in (starting, stopping):
                task.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)
            await self._supervisor.stop()
            self._data.remove_run_file()

    async def _start(self) -> str:
        """Returns a further text for the operator."""
        servers = self._servers()
        await asyncio.gather(
            self._supervisor.start(*self._fork_server), *(self._start_server(server) for server in servers)
        )
        settings = self._settings
        self._data.write_run_file(
            RunFile(
                os.getpid(),
                str(self._run_dir),
                settings.database_url,
                settings.redis_url,
                settings.base_url,
                settings.code_case,
            )
        )
        news = await self._supervisor.run(Program("prepare", [*SHORTENER, "prepare"], self._env))
        worker = Program("worker", [*SHORTENER, "worker"], self._env, ready=lambda: _worker_ready(settings))
        await self._supervisor.start(worker, *web_programs(settings, self._listener, self._env))
        return news

    def _servers(self) -> list[EmbeddedPostgres | EmbeddedValkey]:
        """The servers to start; completes the settings and the environment of the children."""
        local = local_defaults(self._settings)
        servers: dict[str, EmbeddedPostgres | EmbeddedValkey] = {}
        if not self._settings.database_url:
            servers["database_url"] = EmbeddedPostgres(self._data.path, self._run_dir)
        if not self._settings.redis_url:
            servers["redis_url"] = EmbeddedValkey(self._data.path, self._run_dir)
        urls = {name: server.url for name, server in servers.items()}
        # Not validated like an operator's settings: that would import SQLAlchemy.
        self._settings = load_settings(**local).model_copy(update=urls)
        secret = {} if self._settings.secret_key.get_secret_value() else {"secret_key": self._data.secret_key()}
        self._env |= {variable(name): value for name, value in (local | urls | secret).items()}
        return list(servers.values())

    async def _start_server(self, server: EmbeddedPostgres | EmbeddedValkey) -> None:
        await self._supervisor.start(await asyncio.to_thread(server.prepare))


def local_defaults(settings: Settings) -> dict[str, str]:
    """Settings that default to open, because nobody else can reach this machine's service, neither directly nor through
    a proxy."""
    host = urlsplit(settings.base_url).hostname or ""
    if not is_loopback(settings.host) or not is_loopback(host) or settings.trusted_proxies:
        return {}
    open_to_oneself = {
        "registration": "open",
        "anonymous_links": "true",
        "anonymous_manage": "true",
        "anonymous_link_days": "0",
        "look_alikes": "allow",
    }
    return {name: value for name, value in open_to_oneself.items() if name not in settings.model_fields_set}


async def _worker_ready(settings: Settings) -> None:
    redis = create_redis(settings.redis_url)
    async with contextlib.aclosing(redis):
        while not await is_any_well(redis):
            await asyncio.sleep(_HEARTBEAT_POLL_S)


def _greet(settings: Settings, news: str, console: Console) -> None:
    url = settings.base_url
    body = '{"url": "https://example.com/"}'
    credential = "" if settings.anonymous_links else "-H 'X-API-Key: …' "
    lines = (
        "",
        f"Shortener is ready   {url}",
        f"API documentation    {url}/docs",
        *news.splitlines(),
        "Shorten a URL:",
        "",
        f"  curl -s {url}/api/v1/links {credential}-H 'Content-Type: application/json' -d '{body}'",
        "",
        "Ctrl-C stops it.",
    )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
