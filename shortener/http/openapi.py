"""The OpenAPI document: what the routes say, completed by the errors that each can give and by the redirects."""

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import cache
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic.json_schema import models_json_schema

from shortener.errors import BadRequest, ContentTooLarge, ShortenerError, Unprocessable
from shortener.http.parts import OPENAPI
from shortener.http.problems import PROBLEM_JSON, TYPE_PREFIX, Problem
from shortener.http.unchanging import Unchanging
from shortener.parts import Parts
from shortener.settings import Settings

Operation = dict[str, Any]

_SCHEMA = "#/components/schemas/"
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


def described(tags: Iterable[str | Enum]) -> list[dict[str, str]]:
    """The `openapi_tags` of an app: each tag once, in this order."""
    return [{"name": str(tag), "description": tag.description} for tag in dict.fromkeys(tags) if isinstance(tag, Tag)]


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


class DocumentedRoute(APIRoute):
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


def _headers(status: str) -> dict[str, Any]:
    if status == "401":
        return {"WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}}}
    if status == "429":
        return limit_headers() | {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return {}


def install_openapi(app: FastAPI, paths: dict[str, Any]) -> None:
    """Serve the document, which completes FastAPI's. It takes a quarter of a second to make: `serve` has it made before
    there are requests that would wait."""

    @cache
    def made() -> Unchanging:
        return Unchanging(orjson.dumps(_complete(app, paths)), "application/json")

    async def openapi(request: Request) -> Response:
        return made().answer(request)

    parts: Parts = app.state.parts
    document: Callable[[], Unchanging] = made
    parts[OPENAPI] = document
    app.add_route("/openapi.json", openapi, include_in_schema=False)


def _complete(app: FastAPI, paths: dict[str, Any]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    for operation, route in _documented(app, document):
        _add_errors(operation, [*route.raised(), *_errors_of_reading(operation)])
        if route.admits_anonymous(app.state.parts.settings):
            # The empty requirement means that no credential is needed.
            operation["security"].insert(0, {})
    document["paths"] |= paths
    examples: dict[str, Any] = {}
    for path in document["paths"].values():
        for operation in path.values():
            examples |= _finish(operation)
    _, problem = models_json_schema([(Problem, "serialization")], ref_template=_SCHEMA + "{model}")
    components = document["components"]
    components["schemas"] |= problem["$defs"]
    components["examples"] = dict(sorted(examples.items()))
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    return document


def _documented(app: FastAPI, document: dict[str, Any]) -> Iterator[tuple[Operation, DocumentedRoute]]:
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, DocumentedRoute) and route.include_in_schema:
            for method in context.methods or ():
                yield document["paths"][context.path_format][method.lower()], route


def _errors_of_reading(operation: Operation) -> Iterator[type[ShortenerError]]:
    parameters = operation.get("parameters", ())
    has_body = "requestBody" in operation
    if has_body or any(parameter["in"] == "query" for parameter in parameters):
        yield BadRequest
    if has_body:
        yield ContentTooLarge
    if has_body or parameters:
        yield Unprocessable


def _add_errors(operation: Operation, kinds: Iterable[type[ShortenerError]]) -> None:
    # FastAPI adds a 422 of another form to routes that name none.
    operation["responses"].get("422", {}).get("content", {}).pop("application/json", None)
    for status, answer in errors(*kinds).items():
        known = operation["responses"].setdefault(str(status), {}).setdefault("content", {})
        problems = known.setdefault(PROBLEM_JSON, {}).setdefault("examples", {})
        problems |= answer["content"][PROBLEM_JSON]["examples"]


def _finish(operation: Operation) -> dict[str, Any]:
    """Complete the answers that are problems; returns their examples, which the operation then refers to."""
    found: dict[str, Any] = {}
    responses = {}
    for status, answer in sorted(operation["responses"].items()):
        examples = answer.get("content", {}).get(PROBLEM_JSON, {}).get("examples", {})
        found |= examples
        responses[status] = answer | _problem_answer(status, answer["content"], examples) if examples else answer
    operation["responses"] = responses
    return found


def _problem_answer(status: str, content: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    types = [example["value"]["type"] for example in examples.values()]
    media = {
        "schema": {"allOf": [{"$ref": _SCHEMA + "Problem"}, {"properties": {"type": {"enum": types}}}]},
        "examples": {name: {"$ref": f"#/components/examples/{name}"} for name in examples},
    }
    return {
        "description": "; ".join(example["summary"] for example in examples.values()),
        "content": content | {PROBLEM_JSON: media},
        "headers": _headers(status),
    }
