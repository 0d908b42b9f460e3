"""What the OpenAPI document says of redirects."""

from typing import Any

from shortener.http.openapi import error_answer, limit_headers


def redirect_paths() -> dict[str, Any]:
    code = {
        "name": "code",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{3,64}$"},
        "example": "k7Rm2pX",
    }
    failures = {str(status): error_answer(status) for status in (404, 410, 429, 503)}
    for answer in failures.values():
        answer["content"]["text/html"] = {"schema": {"type": "string"}}
    moved = {
        "description": "The link's destination. The click is stored before this answer leaves.",
        "headers": {
            "Location": {"description": "The destination.", "schema": {"type": "string", "format": "uri"}},
            "Cache-Control": {"schema": {"type": "string", "const": "private, no-store"}},
            **limit_headers(),
        },
    }
    destination = {
        "type": "object",
        "required": ["code", "short_url", "url"],
        "properties": {name: {"type": "string"} for name in ("code", "short_url", "url")},
    }
    shown = {
        "description": "Where the link leads.",
        "content": {"application/json": {"schema": destination}, "text/html": {"schema": {"type": "string"}}},
    }
    warned = shown | {"description": "Where a suspicious link leads, and how to follow it all the same; no redirect."}
    follow = {"tags": ["redirects"], "parameters": [code], "responses": {"302": moved, "200": warned, **failures}}
    return {
        "/{code}": {
            "get": {"summary": "Follow a link", "operationId": "follow_link", **follow},
            "head": {"summary": "Ask for a link's destination", "operationId": "head_link", **follow},
        },
        "/{code}+": {
            "get": {
                "summary": "See where a link leads, without going there",
                "operationId": "preview_link",
                "tags": ["redirects"],
                "parameters": [code],
                "responses": {"200": shown, **failures},
            }
        },
    }
