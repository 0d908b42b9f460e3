"""Counts and times requests by route: the API, the documentation, the checks of health. Redirects never come here."""

from fastapi.routing import APIRoute
from starlette.types import Scope

from shortener.http.metrics import REQUEST_SECONDS
from shortener.http.request_observer import STREAM_KEY

# A client's unknown method or path must not become a label.
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_OTHER = "other"


def observe_request(scope: Scope, status: int, duration_s: float) -> None:
    if STREAM_KEY in scope:
        return
    method = scope["method"] if scope["method"] in _METHODS else _OTHER
    route = scope.get("route")
    template = route.path if isinstance(route, APIRoute) else _OTHER
    REQUEST_SECONDS.labels(method, template, f"{status // 100}xx").observe(duration_s)
