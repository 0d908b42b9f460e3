"""What draws QR codes, and the logos on them."""

import contextlib
from collections.abc import AsyncIterator

from shortener.parts import Part, Parts
from shortener.qr.logos import LogoService
from shortener.qr.pictures import Pictures, open_threads
from shortener.workspaces.parts import WORKSPACES

PICTURES = Part[Pictures]("pictures")
LOGOS = Part[LogoService]("logos")


@contextlib.asynccontextmanager
async def open_pictures(parts: Parts) -> AsyncIterator[None]:
    threads = open_threads()
    parts[PICTURES] = Pictures(parts.settings.base_url, threads)
    parts[LOGOS] = LogoService(parts[WORKSPACES], threads)
    try:
        yield
    finally:
        threads.shutdown(wait=False)
