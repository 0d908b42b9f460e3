"""Errors as answers: RFC 9457 problem documents."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import orjson
from pydantic import BaseModel, Field
from starlette.responses import Response

from shortener.errors import ShortenerError, Unprocessable

PROBLEM_JSON = "application/problem+json"
# An error lists at most this many wrong fields.
MAX_FAULTS = 100
TYPE_PREFIX = "urn:shortener:problem:"


class FieldError(BaseModel):
    in_: str = Field(alias="in", examples=["body", "query", "path", "header"])
    field: str = Field(examples=["/url"])
    message: str


class Problem(BaseModel):
    """An error as RFC 9457 describes it. `type` is stable: programs may rely on it. Each operation names the types that
    it can give. Any request can get those of the server itself as well: bad-request, request-timeout,
    content-too-large, misdirected-request, origin-refused, head-too-large, internal-error."""

    type: str = Field(json_schema_extra={"format": "uri"})
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field([], description=f"One entry for each wrong field, of at most {MAX_FAULTS}.")


def problem(
    status: int,
    type_: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """A problem document; empty members are left out."""
    body = _document(status, type_, title, detail, members)
    return Response(orjson.dumps(body), status, dict(headers or {}), PROBLEM_JSON)


def _document(status: int, type_: str, title: str, detail: str, members: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"type": TYPE_PREFIX + type_, "title": title, "status": status, "detail": detail}
    return body | {name: value for name, value in members.items() if value}


def document_of(error: ShortenerError) -> dict[str, Any]:
    """The members of the problem document, for answers that contain several."""
    return _document(error.status, error.type, error.title, error.detail, {"errors": error.errors})


def problem_of(error: ShortenerError, **members: Any) -> Response:
    return problem(
        error.status, error.type, error.title, error.detail, headers=error.headers, errors=error.errors, **members
    )


def invalid_request(faults: Iterable[Mapping[str, Any]]) -> Unprocessable:
    """The error for pydantic's findings; each location begins with the part of the request."""
    errors = _field_errors(islice(faults, MAX_FAULTS))
    detail = "; ".join(f"{e['field'].lstrip('/') or e['in']}: {e['message']}" for e in errors)
    return Unprocessable(detail, errors=errors)


def _field_errors(faults: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """One entry per field: its location (a JSON pointer for a body, otherwise the parameter) and the fault."""
    found = []
    for item in faults:
        place, *path = item["loc"]
        if item["type"] == "json_invalid":
            path = []
        # Parts with a colon are tags of a choice between models, not members of the body.
        parts = [str(part) for part in path if not str(part).startswith(":")]
        name = "/".join(part.replace("~", "~0").replace("/", "~1") for part in parts)
        message = item["msg"].removeprefix("Value error, ")
        found.append({"in": str(place), "field": f"/{name}" if place == "body" else name, "message": message})
    return found
