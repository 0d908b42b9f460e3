"""Answers to requests for pages that are refused: a page, or for htmx a message or a dialog over the page."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from shortener.access.cookies import HOME, clear_cookie
from shortener.access.credentials import AuthenticationRequired
from shortener.dashboard.page import SAFE_METHODS, Page, address_of, redirect, render
from shortener.dashboard.parts import DASHBOARD
from shortener.errors import (
    BadRequest,
    ContentTooLarge,
    Forbidden,
    InternalError,
    NotFound,
    ServiceUnavailable,
    ShortenerError,
)
from shortener.http.problems import invalid_request
from shortener.parts import parts_of
from shortener.stores.outage import DATABASE_DOWN, is_database_down

log = structlog.get_logger(__name__)

# Bytes of a form that is kept while its sender logs in again.
_MAX_KEPT = 64 * 1024


class CrossSiteRequest(Forbidden):
    """The dashboard only: a page of another site, or a program, sent a form of the dashboard.

    Programs use the API.
    """

    type, title = "cross-site-request", "Cross-site request"

    def __init__(self) -> None:
        super().__init__("This request does not come from a page of this service. Nothing was done.")


async def refusal(request: Request, error: Exception) -> Response:
    """The page of an error, or for htmx a message that leaves the page as it is."""
    counts = parts_of(request)[DASHBOARD].refusals
    if isinstance(error, AuthenticationRequired):
        counts.count(error.type)
        answer = await _ended(request, error)
        clear_cookie(answer, parts_of(request)[DASHBOARD].is_secure)
        return answer
    known = _known(request, error)
    counts.count(known.type)
    # Only reads are sent again by themselves.
    again = address_of(request) if request.method in SAFE_METHODS else ""
    values = {"error": known, "problem": known.type, "again": again}
    if "hx-request" in request.headers:
        answer = render_message(request, values, known.status)
    else:
        answer = render(request, "error.html", values, status=known.status)
    for name, value in known.headers.items():
        answer.headers[name] = value
    return answer


def _to_login(request: Request) -> Response:
    """The door, which leads back to where the request came from."""
    wanted = address_of(request) if request.method in SAFE_METHODS else HOME
    return redirect(f"/-/login?{urlencode({'next': wanted})}")


async def _ended(request: Request, error: AuthenticationRequired) -> Response:
    """A way to log in that loses nothing of what was typed into a form."""
    if "hx-request" in request.headers:
        return render_door(request, error.status)
    if request.method in SAFE_METHODS:
        return _to_login(request)
    typed = await _typed(request)
    if typed is None:
        return _to_login(request)
    values = {"again": address_of(request), "typed": typed, "email": "", "errors": {}}
    return render(request, "resume.html", values, status=error.status, is_secret=True)


async def _typed(request: Request) -> list[tuple[str, str]] | None:
    """The fields of the form; None where it has files or is long."""
    length, kind = request.headers.get("content-length", ""), request.headers.get("content-type", "")
    is_short = length.isdecimal() and int(length) <= _MAX_KEPT
    if not is_short or not kind.startswith("application/x-www-form-urlencoded"):
        return None
    form = await request.form(max_files=0)
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


def render_door(request: Request, status: int, email: str = "", errors: Mapping[str, str] | None = None) -> Response:
    """A login in a dialog over the page, for a script that then sends again what it had sent."""
    values = {"email": email, "errors": errors or {}, "settings": parts_of(request).settings}
    html = partial(parts_of(request)[DASHBOARD].templates.page, "door.html", values)
    return Page(html, status, {"HX-Retarget": "#door", "HX-Reswap": "innerHTML"})


def render_message(request: Request, values: Mapping[str, Any], status: int) -> Response:
    dashboard = parts_of(request)[DASHBOARD]
    html = partial(dashboard.templates.page, "message.html", dict(values))
    return Page(html, status, {"HX-Retarget": "#toasts", "HX-Reswap": "beforeend"})


def _known(request: Request, error: Exception) -> ShortenerError:
    if isinstance(error, ShortenerError):
        return error
    if isinstance(error, RequestValidationError):
        # Paths and queries of pages come from links: a wrong one leads nowhere.
        if any(fault["loc"][0] == "path" for fault in error.errors()):
            return NotFound("No page has this address.")
        return invalid_request(error.errors())
    if isinstance(error, HTTPException):
        return _of_status(error)
    if isinstance(error, (*DATABASE_DOWN, DBAPIError)) and is_database_down(error):
        log.error("database_unavailable", path=request.url.path, error=repr(error))
        return ServiceUnavailable("The database does not answer. Try again.", headers={"Retry-After": "5"})
    log.error("unhandled_error", path=request.url.path, exc_info=error)
    return InternalError("The request could not be answered; the reason is in the server's log.")


def _of_status(error: HTTPException) -> ShortenerError:
    kind = ContentTooLarge if error.status_code == ContentTooLarge.status else BadRequest
    return kind(str(error.detail))
