"""Redirects in the OpenAPI document."""

from typing import Any

from shortener.errors import BadRequest, MethodNotAllowed, NotFound, ServiceUnavailable, ShortenerError, TooManyRequests
from shortener.http.openapi import Tag, errors, limit_headers
from shortener.redirect.errors import LinkBanned, LinkGone, LinkLocked, LinkNotFound, LinkScheduled

TAG = Tag("redirects", "What a browser asks for.")


def redirect_paths() -> dict[str, Any]:
    code = {
        "name": "code",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{3,64}$"},
        "example": "k7Rm2pX",
    }
    failures = _failures(
        LinkLocked, LinkNotFound, LinkScheduled, NotFound, LinkGone, LinkBanned, TooManyRequests, ServiceUnavailable
    )
    for answer in failures.values():
        answer["content"]["text/html"] = {"schema": {"type": "string"}}
    moved = {
        "description": "The link's destination. The click is stored before this answer leaves.",
        "headers": {
            "Location": {"description": "The destination.", "schema": {"type": "string", "format": "uri"}},
            "Cache-Control": {"schema": {"type": "string"}},
            **limit_headers(),
        },
    }
    destination = {
        "type": "object",
        "required": ["code", "short_url", "url"],
        "properties": {name: {"type": "string"} for name in ("code", "short_url", "url", "stats_url")},
    }
    shown = {
        "description": "Where the link leads.",
        "content": {"application/json": {"schema": destination}, "text/html": {"schema": {"type": "string"}}},
    }
    warned = shown | {"description": "Where a suspicious link leads, and how to follow it all the same; no redirect."}
    permanent = moved | {"description": "As 302, of a link with another `redirect_status`."}
    opened = {
        "description": "The password is right. A cookie opens the link for an hour.",
        "headers": {name: {"schema": {"type": "string"}} for name in ("Location", "Set-Cookie")},
    }
    form = {"type": "object", "required": ["password"], "properties": {"password": {"type": "string"}}}
    follow = {"tags": [TAG], "parameters": [code], "responses": {
        **dict.fromkeys(("301", "307", "308"), permanent), "302": moved, "200": warned, **failures,
    }}  # fmt: skip
    return {
        "/{code}": {
            "get": {"summary": "Follow a link", "operationId": "follow_link", **follow},
            "head": {"summary": "Ask for a link's destination", "operationId": "head_link", **follow},
            "post": {
                "summary": "Enter a link's password",
                "operationId": "unlock_link",
                "tags": [TAG],
                "parameters": [code],
                "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": form}}},
                "responses": {
                    "303": opened,
                    **_failures(
                        BadRequest, LinkLocked, NotFound, MethodNotAllowed, TooManyRequests, ServiceUnavailable
                    ),
                },
            },
        },
        "/{code}+": {
            "get": {
                "summary": "See where a link leads, without going there",
                "operationId": "preview_link",
                "tags": [TAG],
                "parameters": [code],
                "responses": {"200": shown, **failures},
            }
        },
    }


def _failures(*kinds: type[ShortenerError]) -> dict[str, Any]:
    return {str(status): answer for status, answer in errors(*kinds).items()}
