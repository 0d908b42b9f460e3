"""uvicorn's HTTP protocol with bounds that it does not have: for the size of a request's head, and for the time until
it is there. What is used of uvicorn is not its public interface: tests/hostile_clients fails if it changes."""

import asyncio
import math
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from shortener.browser import protected
from shortener.errors import BadRequest, ShortenerError, problem_of

# Request line and headers together. More than browsers and proxies send, and far less than would be felt.
MAX_HEAD_BYTES = 32 * 1024
# From the connection, or from the head's first byte, to its last.
HEAD_TIMEOUT_S = 10.0

RawHeader = tuple[bytes, bytes]


class HeadTooLarge(ShortenerError):
    status, type, title = 431, "head-too-large", "Request head too large"

    def __init__(self) -> None:
        super().__init__(f"The request's line and headers are larger than {MAX_HEAD_BYTES} bytes.")


class HeadTooSlow(ShortenerError):
    status, type, title = 408, "request-timeout", "Request Timeout"

    def __init__(self) -> None:
        super().__init__(f"The request's headers did not come within {HEAD_TIMEOUT_S:g} seconds.")


class _Nowhere(list[RawHeader]):
    """Takes headers, and keeps none."""

    def append(self, _: RawHeader, /) -> None:
        return


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are too large or too slow, and what is no HTTP, with problem documents. Headers behind a body
    are not read, and no other protocol is spoken, whatever a request asks for.

    One timer a connection looks now and then whether its time is over; uvicorn sets one anew for each answer, which is
    felt by each redirect.
    """

    # Of a head that has not come whole, or of headers behind a body, at least.
    _head_bytes = 0
    # Since when the head that is to come, or its end, is waited for; on the loop's clock.
    _waits_since_s = 0.0
    _timer: asyncio.TimerHandle | None = None
    # The size of a chunk has been read, and nothing of the chunk: of the last one there is nothing but such headers.
    _is_behind_size = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waits_since_s = self.loop.time()
        self._look()

    def data_received(self, data: bytes) -> None:
        if len(data) > MAX_HEAD_BYTES and self._begins_too_large(data):
            self._refuse(HeadTooLarge())
            return
        while True:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade(data[upgrade.args[0] :])
            except httptools.HttpParserError:
                self._refuse(BadRequest("This is no HTTP request."))
                return
        # The method is written down once the head is there; all this is felt by each redirect.
        if self._head_bytes or self._is_behind_size or self.scope is None or "method" not in self.scope:
            self._note_head(len(data))

    def _should_upgrade(self) -> bool:
        # What uvicorn then does is to wait for us.
        return True

    def _without_upgrade(self, rest: bytes) -> bytes:
        """The request again, for another parser, as if it had not asked for another protocol. This one has left out the
        body, and would take it for the next request."""
        connection = [value.lower() for name, value in self.headers if name == b"connection"]
        headers = [header for header in self.headers if header[0] not in {b"connection", b"upgrade"}]
        if any(b"close" in value for value in connection):
            headers.append((b"connection", b"close"))
        # No tunnel either: there is no such method.
        method = self.parser.get_method().replace(b"CONNECT", b"NO-TUNNEL")
        first = b"%b %b HTTP/%b\r\n" % (method, self.url, self.parser.get_http_version().encode())
        self.parser = httptools.HttpRequestParser(self)
        return b"".join([first, *(b"%b: %b\r\n" % header for header in headers), b"\r\n", rest])

    def on_chunk_header(self) -> None:
        # What comes behind the last chunk no proxy has looked at, and it must not pass for a part of the head.
        self.headers = _Nowhere()
        self._is_behind_size, self._head_bytes = True, 0

    def on_body(self, body: bytes) -> None:
        self._is_behind_size = False
        super().on_body(body)

    def on_chunk_complete(self) -> None:
        self._is_behind_size = False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """What uvicorn does, without its timer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif not self._head_bytes:
            self._waits_since_s = self.loop.time()

    def _begins_too_large(self, data: bytes) -> bool:
        """Whether this much is no body but a head from its first byte on."""
        is_body = self.cycle is not None and self.cycle.more_body
        return not is_body and not self._head_bytes and data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES) < 0

    def _note_head(self, received: int) -> None:
        if not self._is_behind_size and self.scope is not None and "method" in self.scope:
            self._head_bytes = 0
            return
        if not self._head_bytes and self.cycle is not None:
            self._waits_since_s = self.loop.time()
        # What came before it in the same piece of data is not its own: a body, or whole requests.
        self._head_bytes += received if self._head_bytes or self.cycle is None else 1
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HeadTooLarge())

    def _left_s(self) -> float:
        """Until the head has to be there: the first one, or one that has begun, or another one."""
        if self._head_bytes or self.cycle is None:
            patience_s = HEAD_TIMEOUT_S
        elif self.cycle.response_complete:
            patience_s = self.timeout_keep_alive
        else:
            return math.inf
        return self._waits_since_s + patience_s - self.loop.time()

    def _look(self) -> None:
        """End the connection when its time is over; else look again when it may be."""
        left_s = self._left_s()
        if left_s > 0:
            self._timer = self.loop.call_later(min(left_s, HEAD_TIMEOUT_S, self.timeout_keep_alive), self._look)
        elif self._head_bytes:
            self._refuse(HeadTooSlow())
        else:
            # Browsers open connections that they may need: who has asked nothing is told nothing.
            self.transport.close()

    def _refuse(self, error: ShortenerError) -> None:
        """And close. In the middle of another answer there is nothing left but that."""
        if self.transport.is_closing():
            return
        if self.cycle is None or (self.cycle.response_complete and not self._is_behind_size):
            answer = problem_of(error)
            app: Any = self.config.loaded_app
            headers = [*self.server_state.default_headers, *protected(answer.raw_headers, app.state.protections)]
            lines = [b"%b: %b\r\n" % header for header in (*headers, (b"connection", b"close"))]
            self.transport.write(b"".join([STATUS_LINE[error.status], *lines, b"\r\n", bytes(answer.body)]))
        self.transport.close()
