"""A listener's messages as the body of an answer."""

import time
from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shortener.http.request_observer import STREAM_KEY
from shortener.live.hub import Hub
from shortener.live.listener import Listener
from shortener.live.messages import HEARTBEAT, RETRY

MEDIA_TYPE = "text/event-stream"
LOOK_S = 5.0


class EventStream(Response):
    """Runs in one task, because each costs memory: that a client has gone is seen at the next message or heartbeat, and
    looked for at most every LOOK_S, since that costs as much as sending. `ended` is called in any case."""

    media_type = MEDIA_TYPE

    def __init__(self, hub: Hub, listener: Listener, ended: Callable[[], None]) -> None:
        # nginx would keep messages back.
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._listener = listener
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[STREAM_KEY] = True
        request = Request(scope, receive)
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": RETRY, "more_body": True})
            looked_at_s = time.monotonic()
            async for piece in pieces(self._hub, self._listener):
                if time.monotonic() - looked_at_s >= LOOK_S:
                    looked_at_s = time.monotonic()
                    if await request.is_disconnected():
                        return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._hub.remove(self._listener)
            self._ended()


async def pieces(hub: Hub, listener: Listener) -> AsyncIterator[bytes]:
    """Events, as soon as there are any, until the listener is closed."""
    while (messages := await listener.take()) is not None:
        if messages:
            yield b"".join(message.event for message in messages)
        elif listener.left_s <= 0:
            hub.close(listener, "expired")
        else:
            yield HEARTBEAT
