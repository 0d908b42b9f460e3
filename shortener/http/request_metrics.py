"""Counts and times requests by route: the API, the documentation, the checks of health. Redirects never come here."""

from fastapi.routing import iter_route_contexts
from starlette.types import Scope

from shortener.http.metrics import REQUEST_SECONDS

# What a client sends as a method, or as a path that leads nowhere, must not become a label.
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_OTHER = "other"


class RequestMetrics:
    def __init__(self) -> None:
        self._templates: dict[int, str] = {}

    def observe(self, scope: Scope, status: int, duration_s: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        REQUEST_SECONDS.labels(method, self._template(scope), f"{status // 100}xx").observe(duration_s)

    def _template(self, scope: Scope) -> str:
        """The path as it was declared, with the prefixes of the routers that hold it."""
        if not self._templates:
            self._templates = {id(c.original_route): c.path or _OTHER for c in iter_route_contexts(scope["app"].routes)}
        return self._templates.get(id(scope.get("route")), _OTHER)
