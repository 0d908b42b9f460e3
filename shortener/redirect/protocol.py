"""Requests for codes, answered inside uvicorn's HTTP protocol: no task, no ASGI messages.

An ordinary request is read in one pass (`head`), without the parser. Everything else, and every other server, takes the
parser or the ASGI route. All decide by the same code (`Redirects`) and give the same bytes. What is used of uvicorn is
not its public interface: `tests/redirect/test_protocol.py` fails if it changes.
"""

import asyncio
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from shortener.http.client_address import UNKNOWN
from shortener.http.protocol import BoundedProtocol
from shortener.parts import Parts
from shortener.redirect.answers import Answer
from shortener.redirect.head import read_head
from shortener.redirect.parts import REDIRECT
from shortener.redirect.router import Redirects


class RedirectProtocol(BoundedProtocol):
    """The protocol with short ways for requests for codes."""

    _redirects: Redirects | None = None
    _peer = UNKNOWN

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        parts: Parts = self.config.loaded_app.state.parts
        self._redirects = parts.get(REDIRECT)
        if self.client is not None:
            self._peer = self.client[0]

    def _takes(self, data: bytes) -> bool:
        redirects = self._redirects
        # A client that does not read its answers waits on the ordinary route, which knows how to wait.
        if redirects is None or self.flow.write_paused:
            return False
        head = read_head(data)
        request = None if head is None else redirects.read_head(head, data, self._peer)
        if request is None:
            return False
        self._is_answering = True
        redirects.respond(request, self._send)
        return True

    def _send(self, answer: Answer) -> None:
        """Answer a request that was read without the parser."""
        self._is_answering = False
        transport = self.transport
        if not transport.is_closing():
            end = b"connection: close\r\n" if self._is_stopping else b""
            beginning = _beginning.of(answer.status, self.server_state.default_headers)
            transport.write(b"%b%b%b\r\n%b" % (beginning, answer.head, end, answer.body))
            if self._is_stopping:
                transport.close()
        self.on_response_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        redirects = self._redirects
        request = None
        if redirects is not None and app is self.app and not cycle.flow.write_paused:
            request = redirects.read(cycle.scope)  # type: ignore[arg-type]
        # Of a path behind a code, only the link says whose it is.
        if redirects is None or request is None or request.rest:
            super()._start_asgi_task(cycle, app)
        else:
            redirects.respond(request, partial(_write, cycle))


class _Beginning:
    """Status lines with uvicorn's own headers behind them, as they are sent. uvicorn makes a new list of headers when
    the date changes, which is once per second."""

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._by_status: dict[int, bytes] = {}

    def of(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._headers:
            self._headers = headers
            self._by_status.clear()
        beginning = self._by_status.get(status)
        if beginning is None:
            lines = [b"%b: %b\r\n" % header for header in headers]
            beginning = self._by_status[status] = b"".join([STATUS_LINE[status], *lines])
        return beginning


_beginning = _Beginning()


def _write(cycle: RequestResponseCycle, answer: Answer) -> None:
    """Write the answer as `RequestResponseCycle.send` writes one."""
    if cycle.disconnected:
        return
    end = b"" if cycle.keep_alive else b"connection: close\r\n"
    beginning = _beginning.of(answer.status, cycle.default_headers)
    cycle.transport.write(b"%b%b%b\r\n%b" % (beginning, answer.head, end, answer.body))
    cycle.response_started = cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
