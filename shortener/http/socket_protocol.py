"""uvicorn's protocol for WebSockets, without clients that keep a connection and read nothing."""

import asyncio

from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from shortener.http.metrics import CONNECTIONS_DROPPED
from shortener.http.protocol import STALL_TIMEOUT_S

# The largest message of a client.
MAX_MESSAGE_BYTES = 16 * 1024
PING_INTERVAL_S = 20.0


class BoundedSocketProtocol(WSProtocol):
    _stalled: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(STALL_TIMEOUT_S, self._drop)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _drop(self) -> None:
        CONNECTIONS_DROPPED.labels("stalled").inc()
        self.transport.abort()

    def _forget(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
