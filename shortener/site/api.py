"""GET /robots.txt and /favicon.ico"""

from importlib.resources import files

from fastapi import APIRouter, Request, Response

from shortener.http.unchanging import Unchanging

router = APIRouter(include_in_schema=False)

# Short links are allowed: the preview agents of X and LinkedIn obey this file, and would show no preview.
_ROBOTS = b"""User-agent: *
Disallow: /api/
Disallow: /-/
Disallow: /docs$
Disallow: /redoc$
Disallow: /openapi.json
Disallow: /static/
"""
_robots = Unchanging(_ROBOTS, "text/plain")
_favicon = Unchanging((files("shortener.site") / "favicon.ico").read_bytes(), "image/x-icon")


@router.head("/robots.txt")
@router.get("/robots.txt")
async def robots(request: Request) -> Response:
    return _robots.answer(request)


@router.head("/favicon.ico")
@router.get("/favicon.ico")
async def favicon(request: Request) -> Response:
    return _favicon.answer(request)
