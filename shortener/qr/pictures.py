"""Pictures of QR codes as answers. A client that has the picture already gets 304."""

import hashlib
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

from fastapi import Request, Response

from shortener import __version__
from shortener.errors import InvalidParameter, ServiceUnavailable
from shortener.event_loop.bounded_threads import BoundedThreads
from shortener.http.unchanging import is_known_to
from shortener.qr.drawing import draw
from shortener.qr.look import Look
from shortener.redirect.hosts import short_url, split_code
from shortener.redirect.source import PARAMETER

# Drawing holds Python's lock for most of its time: more threads would not draw more.
THREADS = 1
# The last of them waits for a few seconds.
MAX_WAITING = 50

# A browser that shows the picture as a page loads and runs nothing; the logo is part of the picture.
_CSP = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
_MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png"}


def open_threads() -> BoundedThreads:
    def too_many() -> ServiceUnavailable:
        return ServiceUnavailable("Too many pictures are being drawn. Try again.", headers={"Retry-After": "2"})

    return BoundedThreads("pictures", THREADS, MAX_WAITING, too_many)


class Subject(NamedTuple):
    """The code that a picture is drawn for. `logo` is its workspace's, as a PNG; None leaves it out."""

    code: str
    logo: bytes | None


def text_of(base_url: str, code: str, look: Look) -> str:
    """The text of the QR code."""
    url = short_url(base_url, code)
    return f"{url}?{PARAMETER}" if look.track else url


def picture(base_url: str, subject: Subject, look: Look) -> bytes:
    """Raises InvalidParameter."""
    check(subject, look)
    return draw(text_of(base_url, subject.code, look), look, subject.logo)


def check(subject: Subject, look: Look) -> None:
    """Raises InvalidParameter."""
    look.check_contrast()
    if look.logo and subject.logo is None:
        raise InvalidParameter("logo", "the link's workspace has no logo; an owner can set one")


class Pictures:
    """Draws beside the event loop."""

    def __init__(self, base_url: str, threads: BoundedThreads) -> None:
        self._base_url = base_url
        self._threads = threads

    async def answer(self, request: Request, subject: Subject, look: Look, **headers: str) -> Response:
        """The picture, or 304. Raises InvalidParameter, ServiceUnavailable."""
        check(subject, look)
        etag = self._etag(subject, look)
        headers = {"Cache-Control": "no-cache", "ETag": etag, "Content-Security-Policy": _CSP} | headers
        if is_known_to(request, etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        body = await self._threads.run(partial(picture, self._base_url, subject, look))
        headers["Content-Disposition"] = f'inline; filename="{split_code(subject.code)[1]}.{look.format}"'
        return Response(body, headers=headers, media_type=_MEDIA_TYPES[look.format])

    def _etag(self, subject: Subject, look: Look) -> str:
        """Computed from the parameters, so that nothing is drawn for clients that have the picture."""
        text = text_of(self._base_url, subject.code, look)
        parts = (__version__, text, look.model_dump_json(), hashlib.sha256(subject.logo or b"").hexdigest())
        return f'"{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:32]}"'
