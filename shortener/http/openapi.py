"""What routes tell the OpenAPI document, and the document itself, which `make docs` writes."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from shortener.errors import ShortenerError
from shortener.http.late_route import LateRoute
from shortener.http.problems import PROBLEM_JSON, TYPE_PREFIX
from shortener.http.unchanging import Unchanging
from shortener.parts import Parts
from shortener.settings import Settings

Operation = dict[str, Any]

_LIMIT_HEADERS = {
    "X-RateLimit-Limit": "Requests allowed in a window.",
    "X-RateLimit-Remaining": "Requests left in this window.",
    "X-RateLimit-Reset": "Seconds to the end of this window.",
}


class Tag(str):
    """The name of a group of routes, as routers have it among their `tags`; the document describes it."""

    description: str

    def __new__(cls, name: str, description: str) -> "Tag":
        tag = super().__new__(cls, name)
        tag.description = description
        return tag


def errors(*kinds: type[ShortenerError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that raises these errors.

    The document adds those that the route's class raises, and those of reading parameters and body.
    """
    answers: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        answer = answers.setdefault(kind.status, {"content": {PROBLEM_JSON: {"examples": {}}}})
        answer["content"][PROBLEM_JSON]["examples"][kind.type] = _example(kind)
    return answers


def _example(kind: type[ShortenerError]) -> dict[str, Any]:
    value = {
        "type": TYPE_PREFIX + kind.type, "title": kind.title, "status": kind.status, "detail": f"{kind.title}."
    }  # fmt: skip
    return {"summary": kind.title, "description": " ".join(kind.explanation()).strip(), "value": value}


class DocumentedRoute(LateRoute):
    """A route whose class tells the document about its credentials and errors."""

    def raised(self) -> Iterable[type[ShortenerError]]:
        """Errors that the class raises, whatever the route does."""
        return ()

    def admits_anonymous(self, settings: Settings) -> bool:
        """Whether a route that takes credentials answers clients without one."""
        del settings
        return False


def limit_headers() -> dict[str, Any]:
    return {name: {"description": text, "schema": {"type": "integer"}} for name, text in _LIMIT_HEADERS.items()}


def install_openapi(app: FastAPI) -> None:
    """Serve the document: `make docs` writes it, since it would take a process half a second to make."""

    @cache
    def document() -> Unchanging:
        return Unchanging(orjson.dumps(_adapted(app)), "application/json")

    async def openapi(request: Request) -> Response:
        return document().answer(request)

    app.add_route("/openapi.json", openapi, include_in_schema=False)


def _adapted(app: FastAPI) -> dict[str, Any]:
    """The document as it holds with the settings of this app."""
    document: dict[str, Any] = orjson.loads(files("shortener.http").joinpath("openapi.json").read_bytes())
    parts: Parts = app.state.parts
    for operation, route in documented(app.routes, document):
        if route.admits_anonymous(parts.settings):
            # The empty requirement means that no credential is needed.
            operation["security"].insert(0, {})
    return document


def documented(routes: Sequence[BaseRoute], document: dict[str, Any]) -> Iterator[tuple[Operation, DocumentedRoute]]:
    """Each operation of the document with its route, as far as routes describe themselves."""
    for context in iter_route_contexts(routes):
        route = context.original_route
        if isinstance(route, DocumentedRoute) and route.include_in_schema:
            for method in context.methods or ():
                yield document["paths"][context.path_format][method.lower()], route
