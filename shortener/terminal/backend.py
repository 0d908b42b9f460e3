"""Who answers the calls of commands: a server, or this machine. Commands do not know which."""

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from shortener.terminal.operations import Call
from shortener.terminal.progress import Progress

_PAGE = 100


class Backend(Protocol):
    def answer(self, call: Call) -> Any:
        """The answer as the API describes it: parsed JSON, bytes of a picture, or None. Raises ShortenerError,
        OperatorError."""


@contextlib.contextmanager
def backend() -> Iterator[Backend]:
    """The server of the settings; without one, this machine. Raises SettingsError."""
    from shortener.settings import get_settings

    settings = get_settings()
    if settings.server:
        from shortener.terminal.server import Server

        with Server(settings.server, settings.api_key.get_secret_value()) as server:
            yield server
    else:
        from shortener.processes.local_settings import local_settings
        from shortener.terminal.local import Local

        with Local(local_settings()) as local:
            yield local


def answer(call: Call) -> Any:
    """The answer to a command's only call. Raises ShortenerError, OperatorError."""
    with backend() as answering:
        return answering.answer(call)


def answer_pages(call: Call, limit: int) -> dict[str, Any]:
    """The first page with as many items as `limit` says, from as many pages as it takes."""
    with backend() as answering, Progress("reading", total=limit) as progress:
        first = page = answering.answer(call.with_query(limit=min(limit, _PAGE)))
        items = list(page["items"])
        progress.advance(len(items))
        while page["next"] is not None and len(items) < limit:
            [cursor] = parse_qs(urlsplit(page["next"]).query)["cursor"]
            page = answering.answer(call.with_query(limit=min(limit - len(items), _PAGE), cursor=cursor))
            items += page["items"]
            progress.advance(len(page["items"]))
    others = {name: value for name, value in first.items() if name not in ("items", "next", "previous")}
    return {"items": items, **others}
