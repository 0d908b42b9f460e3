"""Serves the app in this process, or in several that share a listening socket under a supervisor."""

import asyncio
import http.client
import os
import socket
from collections.abc import Mapping

import uvicorn

from shortener.errors import OperatorError
from shortener.http.protocol import BoundedProtocol
from shortener.http.socket_protocol import MAX_MESSAGE_BYTES, PING_INTERVAL_S, BoundedSocketProtocol
from shortener.parts import Parts, opened
from shortener.processes.garbage import Collections
from shortener.processes.supervisor import SHORTENER, Program
from shortener.redirect.protocol import RedirectProtocol
from shortener.settings import Settings
from shortener.stores.parts import open_database, open_fixed_settings

BACKLOG = 4096
STOP_TIMEOUT_S = 30
_READY_POLL_S = 0.05


class PortInUse(OperatorError):
    """Another program listens on the port; the message says what to do."""


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
            "Set SHORTENER_HOST or SHORTENER_PORT, or stop the program that listens there."
        ) from error
    return listener


def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; finishes requests that are being answered. Raises SettingIsFixed."""
    config = uvicorn.Config(
        "shortener.main:create_app",
        factory=True,
        # A middleware writes the access log, so redirects must not bypass the app while it is on.
        http=BoundedProtocol if settings.access_log else RedirectProtocol,
        ws=BoundedSocketProtocol,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=PING_INTERVAL_S,
        ws_ping_timeout=PING_INTERVAL_S,
        # It would cost each connection some hundred kilobytes.
        ws_per_message_deflate=False,
        # Keep the peer's address: the service decides itself which proxies to trust.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
    )
    config.load()
    # Before uvicorn, which would report the error with a trace.
    asyncio.run(_check_fixed_settings(settings))
    _Server(config).run(sockets=[listener])


async def _check_fixed_settings(settings: Settings) -> None:
    """Raises SettingIsFixed."""
    async with opened(Parts(settings), (open_database, open_fixed_settings)):
        pass


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        Collections().start()


def web_programs(settings: Settings, listener: socket.socket, env: Mapping[str, str]) -> list[Program]:
    """One program per process, all on the same socket, so that no connection is refused when one dies."""

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
    """The address at which this machine itself reaches the server."""
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
