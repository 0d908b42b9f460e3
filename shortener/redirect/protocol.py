"""The redirect of a live link, answered inside uvicorn's HTTP protocol: no task, no ASGI messages.

Everything else, and every other server, takes the ASGI route; both decide by the same code (`Redirects`) and give the
same bytes. What is used of uvicorn is not its public interface: `tests/redirect/test_protocol.py` fails if it changes.
"""

import asyncio
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from shortener.http_protocol import BoundedProtocol
from shortener.redirect.router import Redirects


class RedirectProtocol(BoundedProtocol):
    """The protocol with a short way for redirects."""

    _redirects: Redirects | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._redirects = getattr(self.config.loaded_app.state, "redirects", None)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        redirects = self._redirects
        start_task = partial(super()._start_asgi_task, cycle, app)
        # A client that does not read its answers waits on the ordinary way, which knows how to.
        if (
            redirects is None
            or app is not self.app
            or cycle.flow.write_paused
            or not redirects.redirect_without_task(cycle.scope, partial(_send, cycle), start_task)  # type: ignore[arg-type]
        ):
            start_task()


class _Beginning:
    """The status line and uvicorn's own headers as they are sent. It makes a new list when the date changes, which is
    once a second."""

    def __init__(self) -> None:
        self._of: list[tuple[bytes, bytes]] = []
        self._bytes = b""

    def with_headers(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._of:
            lines = [b"%b: %b\r\n" % header for header in headers]
            self._of, self._bytes = headers, b"".join([STATUS_LINE[302], *lines])
        return self._bytes


_beginning = _Beginning()


def _send(cycle: RequestResponseCycle, head: bytes) -> None:
    """Write a redirect with these headers, as `RequestResponseCycle.send` writes it."""
    if cycle.disconnected:
        return
    end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
    cycle.transport.write(b"%b%b%b" % (_beginning.with_headers(cycle.default_headers), head, end))
    cycle.response_started = cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
