"""uvicorn's HTTP protocol with two more bounds: for the size of a request's head, and for the time until it is
complete. It uses uvicorn's internals; tests/hostile_clients fails if they change."""

import asyncio
import math
import re
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from shortener.errors import BadRequest, ShortenerError
from shortener.http.browser import protected
from shortener.http.flow import Flow
from shortener.http.framing import RawHeader, check_head, split_target
from shortener.http.metrics import CONNECTIONS_DROPPED
from shortener.http.parts import PROTECTIONS, STOPPING
from shortener.http.problems import problem_of

# Request line and headers together: more than browsers and proxies send, and little enough to be harmless.
MAX_HEAD_BYTES = 32 * 1024
# From the connection, or from the head's first byte, to its last.
HEAD_TIMEOUT_S = 10.0
# A connection is not read while more data than this waits for an answer to leave.
MAX_HELD_BYTES = MAX_HEAD_BYTES
# Data is parsed in pieces, each with the end of at most one head.
MAX_PIECE_BYTES = 16 * 1024
# The size of such a piece in a body, which may consist of chunks of one byte.
MAX_BODY_PIECE_BYTES = 4 * 1024
# Other connections get their turn after this much time with one connection's data, or after one request.
TURN_S = 0.001
# A client that reads nothing of its answer for this long is disconnected, and sooner when the server stops.
STALL_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 3.0

# Where connections may become WebSockets.
SOCKET_PATH = b"/api/v1/live"

_HEAD_END = b"\r\n\r\n"
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


class HeadTooLarge(ShortenerError):
    """The request line and headers are larger than 32 KiB.

    Send less.
    """

    status, type, title = 431, "head-too-large", "Request head too large"

    def __init__(self) -> None:
        super().__init__(f"The request's line and headers are larger than {MAX_HEAD_BYTES} bytes.")


class HeadTooSlow(ShortenerError):
    """The headers of the request did not arrive within ten seconds, or its body within two minutes.

    Send the request faster, or send less.
    """

    status, type, title = 408, "request-timeout", "Request Timeout"

    def __init__(self) -> None:
        super().__init__(f"The request's headers did not arrive within {HEAD_TIMEOUT_S:g} seconds.")


class _Nowhere(list[RawHeader]):
    """Discards headers."""

    def append(self, _: RawHeader, /) -> None:
        return


class BoundedProtocol(HttpToolsProtocol):
    """Bounds the size of a head, the time until it is complete, and the waiting requests. Answers invalid HTTP with a
    problem document. Trailers are ignored, and upgrades declined but for WebSockets at SOCKET_PATH.

    The parser gets one piece of data at a time, and the next request only after the previous one is answered. The rest
    waits as bytes; beyond MAX_HELD_BYTES the connection is not read. A subclass that answers requests without the
    parser overrides `_takes`, sets `_is_answering` until its answer is written, and then calls `on_response_complete`;
    when `_is_stopping`, it closes the connection in between.

    One timer per connection checks regularly whether its time is over. uvicorn's own timer for each answer would slow
    down redirects.
    """

    flow: Flow
    # Whether a subclass has taken a request and not yet answered it.
    _is_answering = False
    # Whether the server is stopping.
    _is_stopping = False
    # The scope of the last request whose body was read to its end.
    _whole: object = None
    # Waiting data, and how much of it has already been parsed.
    _held = b""
    _held_from = 0
    _is_resuming = False
    # Whether the rest of the held data must wait for the next turn.
    _is_turn_over = False
    # Whether the request line is still incomplete.
    _is_in_line = False
    # The last bytes of an incomplete message: they may be the beginning of a head's end.
    _tail = b""
    # Lower bound for the bytes of an incomplete head, or of trailers.
    _head_bytes = 0
    # Since when the next head, or its end, is awaited; on the loop's clock.
    _waits_since_s = 0.0
    _has_answered = False
    _timer: asyncio.TimerHandle | None = None
    # The size of a chunk has been read, but none of its data. After the last chunk's size only trailers follow.
    _is_behind_size = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = Flow(transport)
        self._waits_since_s = self.loop.time()
        self._look()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being read or answered, so that the next byte begins one."""
        return (
            self._whole is self.scope
            and not self._head_bytes
            and not self._is_answering
            and (self.cycle is None or self.cycle.response_complete)
        )

    def _is_busy(self) -> bool:
        """Whether a request whose head has been read is not yet answered."""
        return self._is_answering or (self.cycle is not None and not self.cycle.response_complete)

    def data_received(self, data: bytes) -> None:
        if not self._held and self.is_idle:
            if len(data) <= MAX_PIECE_BYTES and self._takes(data):
                return
            if data.find(_HEAD_END, 0, MAX_PIECE_BYTES) == len(data) - 4:
                self._read(data)
                return
        self._hold(data)
        self._resume()

    def _takes(self, data: bytes) -> bool:  # noqa: ARG002
        """Whether a subclass answers a request without the parser. The data begins with the request, is no larger than
        a piece, and may be anything. False leaves it to the parser."""
        return False

    def _hold(self, data: bytes) -> None:
        """Keep data for later. Beyond a bound, stop reading from the connection."""
        self._held, self._held_from = self._held[self._held_from :] + data, 0
        self._bound_held()

    def _resume(self) -> None:
        """Parse held data until a request in it must wait for an answer. Call after each answer."""
        if self._is_resuming:
            return
        self._is_resuming, self._is_turn_over = True, False
        until_s = self.loop.time() + TURN_S
        try:
            while self._held and not (self._whole is self.scope and self._is_busy()):
                if self.transport.is_closing():
                    self._held = b""
                elif self._is_turn_over or self.loop.time() > until_s:
                    self.loop.call_soon(self._resume)
                    break
                else:
                    is_idle, piece = self.is_idle, self._next_piece()
                    if not (is_idle and self._takes(piece)):
                        self._read(piece)
        finally:
            self._is_resuming = False
        self._bound_held()

    def _bound_held(self) -> None:
        if self.transport.is_closing():
            return
        if len(self._held) - self._held_from > MAX_HELD_BYTES:
            self.flow.hold()
        else:
            self.flow.release()

    def _next_piece(self) -> bytes:
        """The piece up to the end of a head, which may have begun in the previous piece."""
        held, start = self._held, self._held_from
        end = (self._tail + held[start : start + 3]).find(_HEAD_END)
        if end >= 0:
            end += start - len(self._tail) + 4
        else:
            is_head = self._head_bytes or self._whole is self.scope
            limit = start + (MAX_PIECE_BYTES if is_head else MAX_BODY_PIECE_BYTES)
            end = held.find(_HEAD_END, start, limit)
            end = end + 4 if end >= 0 else limit
        if end < len(held):
            self._held_from = end
        else:
            self._held, self._held_from = b"", 0
        return held[start:end]

    def _read(self, data: bytes) -> None:
        """Give the parser a piece of data. No byte follows the end of a head in it."""
        size, begins = len(data), self._whole is self.scope
        if (begins or self._head_bytes) and self._head_bytes + size > MAX_HEAD_BYTES:
            self._refuse(HeadTooLarge())
            return
        if begins or self._is_in_line:
            data = self._with_ascii_line(data)
        while True:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                if self._opens_socket(data[upgrade.args[0] :]):
                    self._become_socket()
                    return
                data = self._without_upgrade(data[upgrade.args[0] :])
            except httptools.HttpParserError as error:
                reason = error.__context__
                self._refuse(
                    reason if isinstance(reason, ShortenerError) else BadRequest("This is not an HTTP request.")
                )
                return
        if self._whole is self.scope:
            self._head_bytes, self._tail = 0, b""
        else:
            self._tail = (self._tail + data[-3:])[-3:]
            # Bytes before a head in the same piece are the end of a body.
            self._note_head(size if begins or self._head_bytes else 1)

    def _with_ascii_line(self, data: bytes) -> bytes:
        """The data with non-ASCII bytes of the request line percent-encoded. Programs send them in a path or query, and
        the parser refuses them."""
        line, end, rest = data.partition(b"\n")
        self._is_in_line = not end
        return data if line.isascii() else _NOT_ASCII.sub(lambda m: b"%%%02X" % m[0][0], line) + end + rest

    def on_headers_complete(self) -> None:
        """Check the head by RFC 9112, then do what uvicorn does."""
        check_head(self.parser.get_http_version(), self.headers)
        if (absolute := split_target(self.url)) is not None:
            authority, self.url = absolute
            self.headers[:] = [header for header in self.headers if header[0] != b"host"] + [(b"host", authority)]
        super().on_headers_complete()

    def _should_upgrade(self) -> bool:
        # True makes uvicorn stop and leave the upgrade to `data_received`.
        return True

    def _opens_socket(self, rest: bytes) -> bool:
        """A client says nothing behind its request before it is answered."""
        return (
            self.url.partition(b"?")[0] == SOCKET_PATH
            and self.parser.get_method() == b"GET"
            and self.parser.get_http_version() == "1.1"
            and any(name == b"upgrade" and value.lower() == b"websocket" for name, value in self.headers)
            and not rest
            and not self._held
            and not self._is_stopping
            and self.ws_protocol_class is not None
        )

    def _become_socket(self) -> None:
        """uvicorn gives the connection to another protocol."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.handle_websocket_upgrade()

    def _without_upgrade(self, rest: bytes) -> bytes:
        """The request without its upgrade, for a new parser. The current one has skipped the body, and would parse it
        as the next request."""
        connection = [value.lower() for name, value in self.headers if name == b"connection"]
        headers = [header for header in self.headers if header[0] not in {b"connection", b"upgrade"}]
        if any(b"close" in value for value in connection):
            headers.append((b"connection", b"close"))
        # Decline tunnels as well: this method does not exist.
        method = self.parser.get_method().replace(b"CONNECT", b"NO-TUNNEL")
        first = b"%b %b HTTP/%b\r\n" % (method, self.url, self.parser.get_http_version().encode())
        self.parser = httptools.HttpRequestParser(self)
        return b"".join([first, *(b"%b: %b\r\n" % header for header in headers), b"\r\n", rest])

    def on_chunk_header(self) -> None:
        # Proxies do not check trailers, so they must not become a part of the head.
        self.headers = _Nowhere()
        self._is_behind_size, self._head_bytes = True, 0

    def on_message_complete(self) -> None:
        self._whole = self.scope
        super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        self._is_behind_size = False
        if self._is_stopping:
            self._waits_since_s = self.loop.time()
        super().on_body(body)

    def on_chunk_complete(self) -> None:
        self._is_behind_size = False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """What uvicorn does, without its timer; then parse held data."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._held = b""
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        if not self._head_bytes:
            self._waits_since_s = self.loop.time()
            self._has_answered = True
        if self._is_resuming:
            self._is_turn_over = True
        elif self._held:
            self._resume()

    def shutdown(self) -> None:
        """Close after the current answer. Held requests are dropped: their clients send them again."""
        self._is_stopping = True
        self._waits_since_s = self.loop.time()
        app: Any = self.config.loaded_app
        app.state.parts[STOPPING].set()
        if not self._is_answering:
            super().shutdown()
        if self._timer is not None:
            self._timer.cancel()
        self._look()

    def _note_head(self, received: int) -> None:
        """Count the bytes of an incomplete head, or of trailers."""
        # `method` is set once the head is complete.
        if not self._is_behind_size and "method" in self.scope:
            self._head_bytes = 0
            return
        if not self._head_bytes and (self._has_answered or self.cycle is not None):
            self._waits_since_s = self.loop.time()
        self._head_bytes += received
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HeadTooLarge())

    def _left_s(self) -> float:
        """Seconds until the first, current or next head must be complete. When the server stops: until more of a body
        must arrive."""
        if self._head_bytes or not (self._has_answered or self._is_busy()):
            patience_s = HEAD_TIMEOUT_S
        elif not self._is_busy():
            patience_s = self.timeout_keep_alive
        elif self._is_stopping and self._whole is not self.scope:
            patience_s = STOP_TIMEOUT_S
        else:
            return math.inf
        return self._waits_since_s + patience_s - self.loop.time()

    def _look(self) -> None:
        """End the connection if its time is over, otherwise check again later."""
        stall_timeout_s = STOP_TIMEOUT_S if self._is_stopping else STALL_TIMEOUT_S
        if self.flow.stalled_s(self.loop.time()) >= stall_timeout_s:
            CONNECTIONS_DROPPED.labels("stalled").inc()
            self.transport.abort()
            return
        left_s = self._left_s()
        if left_s <= 0 and self._head_bytes:
            self._refuse(HeadTooSlow())
        elif left_s <= 0:
            # Browsers open connections in advance: close them without an answer.
            self.transport.close()
        again_s = min(HEAD_TIMEOUT_S, self.timeout_keep_alive, stall_timeout_s / 2)
        self._timer = self.loop.call_later(min(left_s, again_s) if left_s > 0 else again_s, self._look)

    def _refuse(self, error: ShortenerError) -> None:
        """Answer with the error and close; if a response is already under way, only close."""
        if self.transport.is_closing():
            return
        CONNECTIONS_DROPPED.labels(error.type).inc()
        if not self._is_busy() and not self._is_behind_size:
            answer = problem_of(error)
            app: Any = self.config.loaded_app
            headers = [*self.server_state.default_headers, *protected(answer.raw_headers, app.state.parts[PROTECTIONS])]
            lines = [b"%b: %b\r\n" % header for header in (*headers, (b"connection", b"close"))]
            self.transport.write(b"".join([STATUS_LINE[error.status], *lines, b"\r\n", bytes(answer.body)]))
        self.transport.close()
