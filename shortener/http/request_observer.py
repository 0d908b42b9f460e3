"""Reports each answered request to the access log and the metrics of the API."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# In the scope of a request whose answer goes on for as long as the client likes.
STREAM_KEY = "shortener.stream"

# Gets the request's scope, the status of its answer, and its duration in seconds.
Note = Callable[[Scope, int, float], None]


class RequestObserver:
    def __init__(self, app: ASGIApp, note: Note) -> None:
        self._app = app
        self._note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_at_s = time.perf_counter()
        # An exception that gets here becomes a 500 further out.
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            self._note(scope, status, time.perf_counter() - began_at_s)
