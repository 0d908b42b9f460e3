"""Answers that stay the same while the process runs; clients that have them get 304."""

import hashlib
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response


class Unchanging:
    """A body with a strong ETag. Clients keep it, and revalidate it."""

    def __init__(self, body: bytes, media_type: str, cache_control: str = "no-cache") -> None:
        self.body = body
        self._media_type = media_type
        self.etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        self._headers = {"ETag": self.etag, "Cache-Control": cache_control}

    def answer(self, request: Request) -> Response:
        """The body, or 304 without one for a client that has it (RFC 9110, 13.1.2)."""
        if is_known_to(request, self.etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=self._headers)
        return Response(self.body, headers=self._headers, media_type=self._media_type)


def is_known_to(request: Request, etag: str) -> bool:
    """Whether the client has what this strong ETag names."""
    known = ",".join(request.headers.getlist("if-none-match"))
    return known.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}
