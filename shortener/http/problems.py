"""Answers to errors: RFC 9457 problem documents."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from shortener.errors import ContentTooLarge, ServiceUnavailable, ShortenerError, Unprocessable
from shortener.http import page
from shortener.stores.outage import DATABASE_DOWN, is_database_down

log = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"
# So many wrong fields of a request are told.
MAX_FAULTS = 100
TYPE_PREFIX = "urn:shortener:problem:"

_NOT_JSON = "Send it as JSON, with the header Content-Type: application/json"


def problem(
    status: int,
    type_: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """A problem document; members that are empty are left out."""
    body = _document(status, type_, title, detail, members)
    return Response(orjson.dumps(body), status, dict(headers or {}), PROBLEM_JSON)


def _document(status: int, type_: str, title: str, detail: str, members: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"type": TYPE_PREFIX + type_, "title": title, "status": status, "detail": detail}
    return body | {name: value for name, value in members.items() if value}


def document_of(error: ShortenerError) -> dict[str, Any]:
    """What the problem document holds, for an answer that has several."""
    return _document(error.status, error.type, error.title, error.detail, {"errors": error.errors})


def problem_of(error: ShortenerError) -> Response:
    return problem(error.status, error.type, error.title, error.detail, headers=error.headers, errors=error.errors)


def invalid_request(faults: Iterable[Mapping[str, Any]]) -> Unprocessable:
    """The error for the first of what pydantic found; each place begins with the part of the request that it is in."""
    errors = _field_errors(islice(faults, MAX_FAULTS))
    detail = "; ".join(f"{e['field'].lstrip('/') or e['in']}: {e['message']}" for e in errors)
    return Unprocessable(detail, errors=errors)


def _field_errors(faults: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """One entry a field: where it is (JSON pointer for a body, else the parameter) and what is wrong."""
    found = []
    for item in faults:
        place, *path = item["loc"]
        if item["type"] == "json_invalid":
            path = []
        name = "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path)
        message = item["msg"].removeprefix("Value error, ")
        found.append({"in": str(place), "field": f"/{name}" if place == "body" else name, "message": message})
    return found


async def _on_shortener_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ShortenerError)
    return problem_of(error)


async def _on_invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if isinstance(error.body, bytes):
        # Not parsed, since nothing says that it is JSON: what curl sends by itself, for one.
        faults = [fault | {"msg": _NOT_JSON} if fault["loc"] == ("body",) else fault for fault in faults]
    return problem_of(invalid_request(faults))


def _allowed_methods(request: Request) -> str:
    """Starlette names those of one route only; a path may have several."""
    allowed: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.methods and route.path and compile_path(route.path)[0].match(request.url.path):
            allowed |= set(route.methods)
    return ", ".join(sorted(allowed))


def _is_page(request: Request) -> bool:
    """Whether a person asks, and not for the API."""
    accept = request.headers.get("accept", "").encode()
    return page.is_for_people(accept) and not request.url.path.startswith("/api/")


def _nothing_here() -> Response:
    body = page.page("Page not found", "There is no page at this address.")
    headers = {"Content-Security-Policy": page.CSP.decode(), "Vary": "Accept"}
    return Response(body, 404, headers, page.HTML.decode())


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404 and _is_page(request):
        return _nothing_here()
    # Other versions of Python have other phrases for 413.
    phrase = HTTPStatus(error.status_code).phrase if error.status_code != 413 else ContentTooLarge.title
    headers = dict(error.headers or {})
    if error.status_code == 405 and (allowed := _allowed_methods(request)):
        headers["Allow"] = allowed
    return problem(error.status_code, phrase.lower().replace(" ", "-"), phrase, str(error.detail), headers=headers)


async def _on_other(request: Request, error: Exception) -> Response:
    if is_database_down(error):
        log.error("database_unavailable", path=request.url.path, error=repr(error))
        unavailable = ServiceUnavailable("The database does not answer. Try again.", headers={"Retry-After": "5"})
        return problem_of(unavailable)
    log.error("unhandled_error", path=request.url.path, exc_info=error)
    detail = "The request could not be answered; the reason is in the server's log."
    # This answer passes no middleware.
    answer = problem_of(ShortenerError(detail, headers={"Cache-Control": "private, no-store"}))
    answer.raw_headers += request.app.state.protections
    return answer


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(ShortenerError, _on_shortener_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    for database_error in (*DATABASE_DOWN, DBAPIError):
        app.add_exception_handler(database_error, _on_other)
    app.add_exception_handler(Exception, _on_other)
