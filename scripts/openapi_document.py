"""Makes the OpenAPI document: what the routes say, completed by the errors that each can give and by the redirects."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from shortener import __version__
from shortener.errors import BadRequest, ContentTooLarge, ShortenerError, Unprocessable
from shortener.http.openapi import Operation, Tag, documented, errors, limit_headers
from shortener.http.problems import PROBLEM_JSON, Problem
from shortener.main import API_ROUTERS, ROUTERS, TITLE
from shortener.processes import health
from shortener.redirect.openapi import TAG as REDIRECTS
from shortener.redirect.openapi import redirect_paths

ROUTES = [route for router in (*API_ROUTERS, *ROUTERS) for route in router.routes]
_SCHEMA = "#/components/schemas/"


def document() -> str:
    """The document as JSON. It names no route that is open to anonymous clients: that depends on settings."""
    return json.dumps(_completed(_described()), indent=1, ensure_ascii=False) + "\n"


def _described() -> dict[str, Any]:
    """What FastAPI makes of the routes."""
    tags = dict.fromkeys([*(tag for router in API_ROUTERS for tag in router.tags), REDIRECTS, *health.router.tags])
    return get_openapi(
        title=TITLE,
        summary="Short links that count every click.",
        version=__version__,
        routes=ROUTES,
        tags=[{"name": str(tag), "description": tag.description} for tag in tags if isinstance(tag, Tag)],
        # A rule is the same whether it is sent or given back.
        separate_input_output_schemas=False,
    )


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    for operation, route in documented(ROUTES, document):
        _add_errors(operation, [*route.raised(), *_errors_of_reading(operation)])
    document["paths"] |= redirect_paths()
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


def _headers(status: str) -> dict[str, Any]:
    if status == "401":
        return {"WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}}}
    if status == "429":
        return limit_headers() | {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return {}


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
