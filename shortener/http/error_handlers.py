"""The app's answers to errors of routes, of reading requests, and of the database."""

from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from shortener.errors import ContentTooLarge, InternalError, ServiceUnavailable, ShortenerError
from shortener.http import page
from shortener.http.parts import PROTECTIONS
from shortener.http.problems import invalid_request, problem, problem_of
from shortener.parts import parts_of
from shortener.stores.outage import DATABASE_DOWN, is_database_down

log = structlog.get_logger(__name__)

_NOT_JSON = "Send it as JSON, with the header Content-Type: application/json"


async def _on_shortener_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ShortenerError)
    return problem_of(error)


async def _on_invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if isinstance(error.body, bytes):
        # The body was not parsed because it is not declared as JSON. This is curl's default.
        faults = [fault | {"msg": _NOT_JSON} if fault["loc"] == ("body",) else fault for fault in faults]
    return problem_of(invalid_request(faults))


def _allowed_methods(request: Request) -> str:
    """Starlette names only the methods of one route; a path may have several."""
    allowed: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.methods and route.path and compile_path(route.path)[0].match(request.url.path):
            allowed |= set(route.methods)
    return ", ".join(sorted(allowed))


def _is_page(request: Request) -> bool:
    """Whether a browser requests a page, not the API."""
    accept = request.headers.get("accept", "").encode()
    return page.is_for_people(accept) and not request.url.path.startswith("/api/")


def nothing_here() -> Response:
    body = page.page("Page not found", "No page has this address.")
    headers = {"Content-Security-Policy": page.CSP.decode(), "Vary": "Accept"}
    return Response(body, 404, headers, page.HTML.decode())


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404 and _is_page(request):
        return nothing_here()
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
    # This answer passes no middleware, so the headers are added here.
    answer = problem_of(InternalError(detail, headers={"Cache-Control": "private, no-store"}))
    answer.raw_headers += parts_of(request)[PROTECTIONS]
    return answer


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(ShortenerError, _on_shortener_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    for database_error in (*DATABASE_DOWN, DBAPIError):
        app.add_exception_handler(database_error, _on_other)
    app.add_exception_handler(Exception, _on_other)
