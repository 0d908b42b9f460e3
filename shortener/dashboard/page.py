"""Answers that are pages, or parts of pages for htmx."""

import gzip
from collections.abc import Callable, Mapping
from contextvars import copy_context
from functools import partial
from typing import Any

from fastapi import Request, Response

from shortener.access.principals import PRINCIPAL_KEY
from shortener.dashboard.assets import accepts_gzip
from shortener.dashboard.parts import DASHBOARD
from shortener.dashboard.preferences import Preferences, read_preferences
from shortener.dashboard.toasts import take_toast
from shortener.dashboard.wording import speak
from shortener.event_loop.bounded_threads import BoundedThreads
from shortener.parts import parts_of

SAFE_METHODS = ("GET", "HEAD")
_VISITOR = "shortener.visitor"
_GZIP_LEVEL = 4


class Page(Response):
    """A page that is yet to be made by `html`: `PageRoute` makes it beside the event loop, since a long list takes
    longer than others can wait."""

    def __init__(
        self,
        html: Callable[[], str],
        status: int,
        headers: Mapping[str, str] | None = None,
        *,
        is_gzipped: bool = False,
    ) -> None:
        super().__init__(b"", status, headers, "text/html")
        self._html = html
        self._is_gzipped = is_gzipped

    def make(self) -> None:
        self._take(self._content())

    async def make_beside(self, threads: BoundedThreads) -> None:
        """Raises ServiceUnavailable. The thread knows the language that was chosen for the request."""
        self._take(await threads.run(partial(copy_context().run, self._content)))

    def _content(self) -> bytes:
        content = self._html().encode()
        return gzip.compress(content, _GZIP_LEVEL) if self._is_gzipped else content

    def _take(self, content: bytes) -> None:
        self.body = content
        self.headers["Content-Length"] = str(len(content))
        if self._is_gzipped:
            self.headers["Content-Encoding"] = "gzip"


def speak_to(request: Request) -> Preferences:
    """Choose the language for what is written while this request is answered."""
    preferences = read_preferences(request)
    accepted = request.headers.get("accept-language", "")
    speak(parts_of(request)[DASHBOARD].wordings.choose(preferences.language, accepted, preferences.zone))
    return preferences


def address_of(request: Request) -> str:
    """Path and query of the page."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def is_partial(request: Request) -> bool:
    """Whether htmx asks for a part of a page."""
    return request.headers.get("hx-request-type") == "partial" and "hx-history-restore-request" not in request.headers


def render(
    request: Request,
    template: str,
    values: Mapping[str, Any],
    *,
    prepare: Callable[[], Mapping[str, Any]] = dict,
    status: int = 200,
    is_secret: bool = False,
) -> Response:
    """The page, or for htmx its block that is replaced. `prepare` gives values that take long to make: it is called
    beside the event loop. Pages with secrets are not compressed, so that their length tells nothing."""
    dashboard = parts_of(request)[DASHBOARD]
    context = {
        "site": dashboard,
        "preferences": read_preferences(request),
        "path": request.url.path,
        "address": address_of(request),
        "is_known": request.scope.get(PRINCIPAL_KEY) is not None,
        "settings": parts_of(request).settings,
        "toast": take_toast(request),
        "frame": request.scope.get(_VISITOR),
        **values,
    }
    if is_partial(request):
        wanted = request.headers.get("hx-target", "").partition("#")[2]
        make = partial(dashboard.templates.block, template, f"part_{wanted}")
    else:
        make = partial(dashboard.templates.page, template)
    answer = Page(lambda: make({**context, **prepare()}), status, is_gzipped=accepts_gzip(request) and not is_secret)
    if context["toast"] is not None:
        answer.delete_cookie("toast", path="/-/")
    return answer


def set_frame(request: Request, frame: Any) -> None:
    """Let the frame of the page show this about its reader."""
    request.scope[_VISITOR] = frame


def redirect(path: str) -> Response:
    return Response(status_code=303, headers={"Location": path})
