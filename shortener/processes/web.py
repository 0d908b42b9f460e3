"""Serves the app in this process, on a listening socket that several may share."""

import asyncio
import socket

import uvicorn

from shortener.http.protocol import BoundedProtocol
from shortener.http.socket_protocol import MAX_MESSAGE_BYTES, PING_INTERVAL_S, BoundedSocketProtocol
from shortener.parts import Parts, opened
from shortener.processes.garbage import Collections
from shortener.redirect.protocol import RedirectProtocol
from shortener.settings import Settings
from shortener.stores.parts import open_database, open_fixed_settings

STOP_TIMEOUT_S = 30


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
