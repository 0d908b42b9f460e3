"""`shortener up`: everything on one machine, started in order and stopped in reverse."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from shortener.accounts.commands import FIRST_ADMIN, first_admin_key
from shortener.embedded.data_directory import DataDirectory, RunFile, run_directory
from shortener.embedded.postgres import EmbeddedPostgres
from shortener.embedded.valkey import EmbeddedValkey
from shortener.exposition import MetricsFiles, serving_metrics_of_children
from shortener.migration import upgrade
from shortener.redis import create_redis
from shortener.setting_values import is_loopback
from shortener.settings import Settings, load_settings, variable
from shortener.supervisor import Program, Supervisor
from shortener.web import bind, web_programs
from shortener.worker_health import is_any_well

_HEARTBEAT_POLL_S = 0.1


async def up(settings: Settings, console: Console) -> None:
    """Run until SIGTERM or SIGINT. Raises StartFailed, DataDirectoryInUse, DirectoryUnusable, PortInUse,
    MetricsPortInUse, OSError."""
    stop = _stop_event()
    data = DataDirectory(settings.data_dir).lock()
    try:
        with (
            bind(settings) as listener,
            serving_metrics_of_children(settings) as metrics,
            run_directory(data) as run_dir,
        ):
            await _run(settings, data, run_dir, listener, metrics, stop, console)
    finally:
        data.unlock()


async def run_web(settings: Settings, listener: socket.socket) -> None:
    """Several web processes on one socket, until SIGTERM or SIGINT. Raises StartFailed, MetricsPortInUse, OSError."""
    stop = _stop_event()
    with serving_metrics_of_children(settings) as metrics:
        supervisor = Supervisor(metrics.bury if metrics else None)
        try:
            await supervisor.start(*web_programs(settings, listener, _environment(metrics)))
            await stop.wait()
        finally:
            await supervisor.stop()


def _environment(metrics: MetricsFiles | None) -> dict[str, str]:
    return os.environ | (metrics.env() if metrics else {})


def _stop_event() -> asyncio.Event:
    """Set by the signals that ask to stop."""
    stop = asyncio.Event()
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(stop_signal, stop.set)
    return stop


async def _run(
    settings: Settings,
    data: DataDirectory,
    run_dir: Path,
    listener: socket.socket,
    metrics: MetricsFiles | None,
    stop: asyncio.Event,
    console: Console,
) -> None:
    supervisor = Supervisor(metrics.bury if metrics else None)
    env = _environment(metrics)
    starting = asyncio.create_task(_start(settings, data, run_dir, listener, supervisor, env))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            _greet(*starting.result(), console)
            await stopping
            console.print("Stopping …")
    finally:
        for task in (starting, stopping):
            task.cancel()
        await asyncio.gather(starting, stopping, return_exceptions=True)
        await supervisor.stop()
        data.remove_run_file()


async def _start(
    settings: Settings,
    data: DataDirectory,
    run_dir: Path,
    listener: socket.socket,
    supervisor: Supervisor,
    env: dict[str, str],
) -> tuple[Settings, str | None]:
    """Servers, schema, web, worker: each needs the one before. Returns the settings as they came to be, and at the very
    first start the first admin's key."""
    overrides = local_defaults(settings)
    servers: list[Program] = []
    if not settings.database_url:
        postgres = EmbeddedPostgres(data.path, run_dir)
        overrides["database_url"] = postgres.url
        servers.append(await asyncio.to_thread(postgres.prepare))
    if not settings.redis_url:
        valkey = EmbeddedValkey(data.path, run_dir)
        overrides["redis_url"] = valkey.url
        servers.append(await asyncio.to_thread(valkey.prepare))
    if not settings.secret_key.get_secret_value():
        overrides["secret_key"] = data.secret_key()
    settings = load_settings(**overrides)
    await supervisor.start(*servers)
    data.write_run_file(
        RunFile(os.getpid(), str(run_dir), settings.database_url, settings.redis_url, settings.base_url)
    )
    await asyncio.to_thread(upgrade, settings.database_url)
    admin_key = await first_admin_key(settings)

    env |= {variable(name): value for name, value in overrides.items()}
    worker = Program(
        name="worker",
        argv=[sys.executable, "-m", "shortener", "worker"],
        env=env,
        ready=lambda: _worker_ready(settings),
    )
    await supervisor.start(worker)
    await supervisor.start(*web_programs(settings, listener, env))
    return settings, admin_key


def local_defaults(settings: Settings) -> dict[str, str]:
    """What is not set and may be open, since nobody else can reach it: neither directly nor through a proxy."""
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


def _greet(settings: Settings, admin_key: str | None, console: Console) -> None:
    url = settings.base_url
    body = '{"url": "https://example.com/"}'
    admin = () if admin_key is None else (f"First admin's key    {admin_key}", f"  of {FIRST_ADMIN}, shown only now")
    credential = "" if settings.anonymous_links else "-H 'X-API-Key: …' "
    lines = (
        "",
        f"Shortener is ready   {url}",
        f"API documentation    {url}/docs",
        *admin,
        "Shorten a URL:",
        "",
        f"  curl -s {url}/api/v1/links {credential}-H 'Content-Type: application/json' -d '{body}'",
        "",
        "Ctrl-C stops it.",
    )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
