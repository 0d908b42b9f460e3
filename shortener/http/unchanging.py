"""Answers that stay the same as long as the process runs, and are sent again only to clients that do not have them."""

import hashlib
from http import HTTPStatus

from fastapi import Request, Response


class Unchanging:
    """A body with a strong ETag. Clients keep it, and ask whether it is still the same."""

    def __init__(self, body: bytes, media_type: str) -> None:
        self._body = body
        self._media_type = media_type
        self.etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        self._headers = {"ETag": self.etag, "Cache-Control": "no-cache"}

    def answer(self, request: Request) -> Response:
        """The body, or 304 without one for a client that has it (RFC 9110, 13.1.2)."""
        if self._is_known_to(request):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=self._headers)
        return Response(self._body, headers=self._headers, media_type=self._media_type)

    def _is_known_to(self, request: Request) -> bool:
        known = ",".join(request.headers.getlist("if-none-match"))
        return known.strip() == "*" or self.etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}
