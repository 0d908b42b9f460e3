"""uvicorn's HTTP protocol with bounds that it does not have: for the size of a request's head, and for the time until
it is there. What is used of uvicorn is not its public interface: tests/test_hostile_clients.py fails if it changes."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from shortener.browser import protected
from shortener.errors import BadRequest, ShortenerError, problem_of

# Request line and headers together. More than browsers and proxies send, and far less than would be felt.
MAX_HEAD_BYTES = 32 * 1024
# From the connection, or from the head's first byte, to its last.
HEAD_TIMEOUT_S = 10.0

_receive = HttpToolsProtocol.data_received


class HeadTooLarge(ShortenerError):
    status, type, title = 431, "head-too-large", "Request head too large"

    def __init__(self) -> None:
        super().__init__(f"The request's line and headers are larger than {MAX_HEAD_BYTES} bytes.")


class HeadTooSlow(ShortenerError):
    status, type, title = 408, "request-timeout", "Request Timeout"

    def __init__(self) -> None:
        super().__init__(f"The request's headers did not come within {HEAD_TIMEOUT_S:g} seconds.")


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are too large or too slow, and what is no HTTP, with problem documents."""

    # Of a head that has not come whole, at least.
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def data_received(self, data: bytes) -> None:
        if len(data) > MAX_HEAD_BYTES and self._begins_too_large(data):
            self._refuse(HeadTooLarge())
            return
        _receive(self, data)
        # The method is written down once the head is there; all this is felt by each redirect.
        if self._head_timer is not None or "method" not in self.scope:
            self._note_head(len(data))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_of_head()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        del msg
        self._refuse(BadRequest("This is no HTTP request."))

    def _begins_too_large(self, data: bytes) -> bool:
        """Whether this much is no body but a head from its first byte on."""
        is_body = self.cycle is not None and self.cycle.more_body
        return not is_body and not self._head_bytes and data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES) < 0

    def _note_head(self, received: int) -> None:
        if self.scope is not None and "method" in self.scope:
            self._end_of_head()
            return
        # What came before this head in the same piece of data is not its own: a body's end, or whole requests.
        self._head_bytes += received if self._head_bytes or self.cycle is None else 1
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HeadTooLarge())
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def _end_of_head(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if self._head_bytes:
            self._refuse(HeadTooSlow())
        else:
            # Browsers open connections that they may need: who has asked nothing is told nothing.
            self.transport.close()

    def _refuse(self, error: ShortenerError) -> None:
        """And close. In the middle of another answer there is nothing left but that."""
        self._end_of_head()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            answer = problem_of(error)
            app: Any = self.config.loaded_app
            headers = [*self.server_state.default_headers, *protected(answer.raw_headers, app.state.protections)]
            lines = [b"%b: %b\r\n" % header for header in (*headers, (b"connection", b"close"))]
            self.transport.write(b"".join([STATUS_LINE[error.status], *lines, b"\r\n", bytes(answer.body)]))
        self.transport.close()
