"""Counts and times requests by route: the API, the documentation, the checks of health. Redirects never come here."""

import time

from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shortener.telemetry import REQUEST_SECONDS

# What a client sends as a method, or as a path that leads nowhere, must not become a label.
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_OTHER = "other"


class RequestMetrics:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._templates: dict[int, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_at_s = time.perf_counter()
        # What is raised past everything becomes a 500 further out.
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else _OTHER
            labels = (method, self._template(scope), f"{status // 100}xx")
            REQUEST_SECONDS.labels(*labels).observe(time.perf_counter() - began_at_s)

    def _template(self, scope: Scope) -> str:
        """The path as it was declared, with the prefixes of the routers that hold it."""
        if not self._templates:
            self._templates = {id(c.original_route): c.path or _OTHER for c in iter_route_contexts(scope["app"].routes)}
        return self._templates.get(id(scope.get("route")), _OTHER)
