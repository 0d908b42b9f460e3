"""Requests for paths that nothing answers."""

import string
from urllib.parse import quote

from starlette.types import Scope

from shortener.http.parts import PROXIES
from shortener.http.request_observer import Note
from shortener.misses.batch import Kind
from shortener.misses.parts import MISSES
from shortener.parts import Parts
from shortener.redirect.request import CodePath, request_of_headers

_PRINTABLE = string.punctuation


def missed_paths(parts: Parts) -> Note:
    """Counts answered requests that no route was found for."""

    def note(scope: Scope, status: int, _: float) -> None:
        if status != 404 or "endpoint" in scope:
            return
        raw_path = scope.get("raw_path") or scope["path"].encode()
        address = parts[PROXIES].client_of(scope)
        request = request_of_headers(CodePath("", False), raw_path, scope["method"], scope["headers"], b"", address)
        # As it was sent; other bytes than printable ASCII are percent-encoded.
        path = quote(raw_path, safe=_PRINTABLE)
        parts[MISSES].add(Kind.ROOT if path == "/" else Kind.PATH, path, request)

    return note
