"""The socket that web processes share, and these processes as programs of a supervisor.

Imports little: a supervisor serves nothing itself.
"""

import asyncio
import http.client
import os
import socket
from collections.abc import Mapping

from shortener.errors import OperatorError
from shortener.processes.supervisor import SHORTENER, Program
from shortener.settings import Settings

BACKLOG = 4096
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
