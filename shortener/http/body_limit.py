"""Bounds for the bodies and queries of requests. Starlette would answer in plain text; this answers as every error
does."""

import asyncio
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shortener.errors import BadRequest, ContentTooLarge
from shortener.http.problems import problem_of

# For sixteen megabytes that is a little more than a megabit a second.
MAX_BODY_S = 120
# A head has room for ten thousand parameters, and each page of a list repeats them in the paths of those beside it.
MAX_PARAMETERS, MAX_QUERY_BYTES = 100, 8 * 1024


class BodyLimit:
    """Refuses a query of too many parameters or bytes. Refuses a body by the length it announces, else as soon as too
    much of it has come, or too little in the time that a body may take. `of_paths` are bounds of single paths."""

    def __init__(self, app: ASGIApp, max_bytes: int, of_paths: Mapping[str, int]) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.of_paths = of_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        query: bytes = scope["query_string"]
        if len(query) > MAX_QUERY_BYTES or query.count(b"&") >= MAX_PARAMETERS:
            refusal = BadRequest(f"The query has more than {MAX_PARAMETERS} parameters or {MAX_QUERY_BYTES:,} bytes.")
            await problem_of(refusal)(scope, receive, send)
            return
        max_bytes = self.of_paths.get(scope["path"], self.max_bytes)
        error = ContentTooLarge(f"The body is larger than {max_bytes} bytes.")
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and len(announced) <= 20 and int(announced) > max_bytes:
            await problem_of(error)(scope, receive, send)
            return
        received, is_whole = 0, False
        deadline_s = asyncio.get_running_loop().time() + MAX_BODY_S

        async def receive_limited() -> Message:
            nonlocal received, is_whole
            if is_whole:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline_s):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"The body did not come within {MAX_BODY_S} seconds.") from None
            received += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if received > max_bytes:
                # FastAPI takes any other error for a body that cannot be parsed.
                raise HTTPException(error.status, error.detail)
            return message

        await self.app(scope, receive_limited, send)
