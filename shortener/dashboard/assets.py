"""Files of the pages: read and compressed once, and named by what they hold, so that browsers keep them for a year."""

import gzip
import hashlib
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

_STATIC = files("shortener.dashboard") / "static"
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_FILES = ("app.css", "app.js", "icon.svg", "vendor/htmx.min.js")
_ICON = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
_FOR_EVER = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    body: bytes
    compressed: bytes
    media_type: str

    def answer(self, request: Request) -> Response:
        headers = {
            "Cache-Control": _FOR_EVER,
            "Vary": "Accept-Encoding",
            "Content-Security-Policy": "default-src 'none'",
        }
        if accepts_gzip(request):
            return Response(self.compressed, headers=headers | {"Content-Encoding": "gzip"}, media_type=self.media_type)
        return Response(self.body, headers=headers, media_type=self.media_type)


def accepts_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


class Assets:
    """The files by their names, and the digest in the paths of all of them."""

    def __init__(self) -> None:
        self._files = {name: _read(name) for name in _FILES}
        digest = hashlib.sha256(b"".join(asset.body for asset in self._files.values())).hexdigest()
        self.base = f"/-/static/{digest[:12]}"
        self.icons = Markup("".join(_symbols()))  # noqa: S704  (made of our own files)

    def path(self, name: str) -> str:
        """Where browsers find the file."""
        if name not in self._files:
            raise KeyError(name)
        return f"{self.base}/{name}"

    def find(self, name: str) -> Asset | None:
        return self._files.get(name)


def _read(name: str) -> Asset:
    body = _STATIC.joinpath(*name.split("/")).read_bytes()
    return Asset(body, gzip.compress(body, 9, mtime=0), _TYPES[name[name.rindex(".") :]])


def _symbols() -> Iterator[str]:
    """Icons as symbols that a page has once and uses often."""
    for file in sorted((_STATIC / "vendor" / "lucide").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".svg"):
            yield _symbol(file)


def _symbol(file: Traversable) -> str:
    found = _ICON.search(file.read_text())
    assert found is not None
    shapes = " ".join(found[1].split()).replace("> <", "><").replace(" />", "/>")
    return f'<symbol id="i-{file.name.removesuffix(".svg")}" viewBox="0 0 24 24">{shapes}</symbol>'
