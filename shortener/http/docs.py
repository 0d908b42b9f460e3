"""/docs and /redoc, from installed files: browsers send no request to other sites."""

from functools import cache
from importlib.resources import files

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from shortener.http.unchanging import Unchanging

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

_SWAGGER = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="icon" href="/static/vendor/favicon.png"><link rel="stylesheet" href="/static/vendor/swagger-ui.css">
</head><body><div id="docs"></div>
<script src="/static/vendor/swagger-ui-bundle.js"></script><script src="/static/docs.js"></script></body></html>
"""
_REDOC = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="icon" href="/static/vendor/favicon.png"><style>body{{margin:0}}</style>
</head><body><redoc spec-url="/openapi.json"></redoc>
<script src="/static/redoc.js"></script></body></html>
"""


# ReDoc would load its maker's logo from the maker's server.
_REDOC_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"


@cache
def _redoc_script() -> Unchanging:
    script = (files("fastapi_offline") / "static" / "redoc.standalone.js").read_bytes()
    return Unchanging(script.replace(_REDOC_LOGO, b"/static/vendor/favicon.png"), "text/javascript")


def _script(request: Request) -> Response:
    return _redoc_script().answer(request)


async def _swagger(request: Request) -> Response:
    return _page(_SWAGGER, request)


async def _redoc(request: Request) -> Response:
    return _page(_REDOC, request)


def _page(template: str, request: Request) -> Response:
    return HTMLResponse(template.format(title=f"{request.app.title} API"), headers={"Content-Security-Policy": _CSP})


def install_docs(app: FastAPI) -> None:
    app.add_route("/static/redoc.js", _script, include_in_schema=False)
    # The package is used for the files it carries (Swagger UI and ReDoc); its app class would add inline scripts.
    app.mount("/static/vendor", StaticFiles(directory=str(files("fastapi_offline") / "static")))
    app.mount("/static", StaticFiles(directory=str(files("shortener.http") / "static")))
    app.add_route("/docs", _swagger, include_in_schema=False)
    app.add_route("/redoc", _redoc, include_in_schema=False)
