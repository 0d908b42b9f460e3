"""Answers that are sent in pieces."""

import contextlib
from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class Stream(StreamingResponse):
    """Makes and sends its pieces in the request's own task, which takes turns with others. Starlette's class starts
    another task for them. Ends at the next piece when the client has gone."""

    def __init__(
        self, pieces: AsyncGenerator[bytes | str, None], media_type: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        async with contextlib.aclosing(self._pieces) as pieces:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for piece in pieces:
                if await request.is_disconnected():
                    return
                body = piece.encode(self.charset) if isinstance(piece, str) else piece
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
