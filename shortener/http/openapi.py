"""The OpenAPI document: what the routes say, completed by the errors each can give and by the redirects."""

from functools import cache
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from shortener.http.problems import MAX_FAULTS, PROBLEM_JSON, TYPE_PREFIX
from shortener.http.unchanging import Unchanging
from shortener.settings import Settings

# Before the name of a setting: by it a route says that nothing need be shown where that setting is on.
ANONYMOUS = "Nothing: "

_METHODS = ("get", "post", "put", "patch", "delete", "head")
_LIMIT_HEADERS = {
    "X-RateLimit-Limit": "Requests allowed in a window.",
    "X-RateLimit-Remaining": "Requests left in this window.",
    "X-RateLimit-Reset": "Seconds to the end of this window.",
}

_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "An error as RFC 9457 describes it. `type` is stable: programs may rely on it.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": f"One entry for each wrong field, of at most {MAX_FAULTS}.",
            "items": {
                "type": "object",
                "required": ["in", "field", "message"],
                "properties": {
                    "in": {"type": "string", "examples": ["body", "query", "path", "header"]},
                    "field": {"type": "string", "examples": ["/url"]},
                    "message": {"type": "string"},
                },
            },
        },
    },
}

_TITLES = {
    400: ("bad-request", "Bad request"),
    401: ("authentication-required", "Authentication required"),
    403: ("insufficient-scope", "Insufficient scope"),
    404: ("link-not-found", "No such link"),
    409: ("code-taken", "Code taken"),
    410: ("link-gone", "This link no longer works"),
    413: ("content-too-large", "Content too large"),
    422: ("invalid-request", "Invalid request"),
    429: ("too-many-requests", "Too many requests"),
    502: ("oidc-provider-failed", "Provider failed"),
    503: ("service-unavailable", "Service unavailable"),
}


def limit_headers() -> dict[str, Any]:
    return {name: {"description": text, "schema": {"type": "integer"}} for name, text in _LIMIT_HEADERS.items()}


def error_answer(status: int) -> dict[str, Any]:
    type_, title = _TITLES[status]
    example = {"type": TYPE_PREFIX + type_, "title": title, "status": status, "detail": f"{title}."}
    answer: dict[str, Any] = {
        "description": title,
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}}}
    if status == 429:
        answer["headers"] = {
            **limit_headers(),
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
        }
    return answer


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can fail in these ways."""
    return {status: error_answer(status) for status in statuses}


def _settle_anonymous(operation: dict[str, Any], settings: Settings) -> None:
    """An empty requirement is OpenAPI's word for it."""
    if "security" in operation:
        required = [scheme for requirement in operation["security"] for scheme in requirement]
        opening = [scheme.removeprefix(ANONYMOUS) for scheme in required if scheme.startswith(ANONYMOUS)]
        others = [r for r in operation["security"] if not any(scheme.startswith(ANONYMOUS) for scheme in r)]
        is_open = bool(opening) and all(getattr(settings, setting) for setting in opening)
        operation["security"] = [*([{}] if is_open else []), *others]


def install_openapi(app: FastAPI, paths: dict[str, Any]) -> None:
    """Serve the document, which completes FastAPI's. It takes a quarter of a second to make: `serve` has it made before
    there are requests that would wait."""

    @cache
    def made() -> Unchanging:
        return Unchanging(orjson.dumps(_complete(app, paths)), "application/json")

    async def openapi(request: Request) -> Response:
        return made().answer(request)

    app.state.openapi = made
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
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM_SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path in document["paths"].values():
        for method in set(_METHODS) & path.keys():
            # FastAPI documents a 422 of its own form wherever there is a parameter.
            if "422" in path[method]["responses"]:
                path[method]["responses"]["422"] = error_answer(422)
            _settle_anonymous(path[method], app.state.settings)
    schemes = document["components"]["securitySchemes"]
    for marker in [name for name in schemes if name.startswith(ANONYMOUS)]:
        del schemes[marker]
    document["paths"] |= paths
    return document
