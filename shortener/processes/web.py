"""Serving the app: one process in this one, or several that share a listening socket under a supervisor."""

import asyncio
import gc
import http.client
import os
import socket
from collections.abc import Mapping
from typing import Any

import uvicorn

from shortener.http.protocol import BoundedProtocol
from shortener.processes.supervisor import SHORTENER, Program
from shortener.redirect.protocol import RedirectProtocol
from shortener.settings import Settings

BACKLOG = 4096
STOP_TIMEOUT_S = 30
_READY_POLL_S = 0.05
# So long after its start a process has loaded what its first requests need, and more and more of what others do.
SETTLING_S = tuple(10 * 2**n for n in range(10))


class PortInUse(Exception):
    """Somebody listens there already; the message says what to do."""


def bind(settings: Settings) -> socket.socket:
    """The listening socket. Raises PortInUse, OSError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortInUse(
            f"Cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0)}. "
            "Set SHORTENER_HOST or SHORTENER_PORT, or stop what listens there."
        ) from error
    return listener


def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; requests that are being answered are finished."""
    config = uvicorn.Config(
        "shortener.main:create_app",
        factory=True,
        # The access log is written on the ordinary route.
        http=BoundedProtocol if settings.access_log else RedirectProtocol,
        # The peer's address stays the peer's: who is believed about the client is ours to decide.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
    )
    config.load()
    loaded_app: Any = config.loaded_app
    loaded_app.state.openapi()
    gc.collect()
    _leave_out_of_collections()
    _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _leave_out_of_collections()
        for seconds in SETTLING_S:
            asyncio.get_running_loop().call_later(seconds, _leave_out_of_collections)


def _leave_out_of_collections() -> None:
    """What is loaded stays: without this each full collection of garbage walks it all, and meanwhile answers nobody."""
    gc.collect(1)
    gc.freeze()


def web_programs(settings: Settings, listener: socket.socket, env: Mapping[str, str]) -> list[Program]:
    """One program a process, all on the same socket: one that dies leaves no connection refused."""

    async def ready() -> None:
        while not await asyncio.to_thread(_answers, settings):
            await asyncio.sleep(_READY_POLL_S)

    return [
        Program(
            name="web",
            argv=[*SHORTENER, "web", "--fd", "0"],
            env=env,
            ready=ready,
            popen={"stdin": listener.fileno()},
        )
        for _ in range(settings.web_processes)
    ]


def _local_host(settings: Settings) -> str:
    """Where this machine itself reaches the server."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104


def _answers(settings: Settings) -> bool:
    connection = http.client.HTTPConnection(_local_host(settings), settings.port, timeout=2)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
