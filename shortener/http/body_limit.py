"""Bounds for the bodies and queries of requests. Starlette's errors would be plain text; these are problem
documents."""

import asyncio
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shortener.errors import BadRequest, ContentTooLarge
from shortener.http.page import is_for_people
from shortener.http.problems import problem_of

MAX_BODY_BYTES = 64 * 1024
# For 10 MB this is less than one megabit per second.
MAX_BODY_S = 120
# A head has room for ten thousand parameters, and each page of a list repeats them in the paths of its neighbours.
MAX_PARAMETERS, MAX_QUERY_BYTES = 100, 8 * 1024


class BodyLimit:
    """Refuses queries with too many parameters or bytes. Refuses a body whose announced length is too large, and
    otherwise as soon as it is too large or too slow. People get the page of the route that was to read it. `of_paths`
    are bounds in bytes for single paths, such as `/links/{code}`."""

    def __init__(self, app: ASGIApp, of_paths: Mapping[str, int]) -> None:
        self.app = app
        self._of_paths = [(compile_path(path)[0], max_bytes) for path, max_bytes in of_paths.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        query: bytes = scope["query_string"]
        if len(query) > MAX_QUERY_BYTES or query.count(b"&") >= MAX_PARAMETERS:
            refusal = BadRequest(f"The query has more than {MAX_PARAMETERS} parameters or {MAX_QUERY_BYTES:,} bytes.")
            await problem_of(refusal)(scope, receive, send)
            return
        bounds = (max_bytes for path, max_bytes in self._of_paths if path.match(scope["path"]))
        max_bytes = next(bounds, MAX_BODY_BYTES)
        error = ContentTooLarge(f"The body is larger than {max_bytes} bytes.")
        headers = Headers(scope=scope)
        announced = headers.get("content-length", "0")
        is_too_large = announced.isdecimal() and (len(announced) > 20 or int(announced) > max_bytes)
        if is_too_large and not is_for_people(headers.get("accept", "").encode()):
            await problem_of(error)(scope, receive, send)
            return
        received, is_whole = 0, False
        deadline_s = asyncio.get_running_loop().time() + MAX_BODY_S

        async def receive_limited() -> Message:
            nonlocal received, is_whole
            if is_whole:
                return await receive()
            if is_too_large:
                raise HTTPException(error.status, error.detail)
            try:
                async with asyncio.timeout_at(deadline_s):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"The body did not arrive within {MAX_BODY_S} seconds.") from None
            received += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if received > max_bytes:
                # FastAPI would treat any other error as a body that cannot be parsed.
                raise HTTPException(error.status, error.detail)
            return message

        await self.app(scope, receive_limited, send)
