"""`/`, the files of the pages, and what is below `/-/` and no page."""

from fastapi import APIRouter, Request, Response

from shortener.dashboard.page import redirect
from shortener.dashboard.parts import DASHBOARD
from shortener.dashboard.routes import OpenRoute
from shortener.errors import NotFound
from shortener.parts import parts_of
from shortener.settings import Settings
from shortener.settings.dashboard import HOME_DASHBOARD, HOME_NONE

home_router = APIRouter(include_in_schema=False)
files_router = APIRouter(prefix="/-/static", include_in_schema=False)
# The last of the dashboard's routers.
nowhere_router = APIRouter(prefix="/-", route_class=OpenRoute, include_in_schema=False)


@home_router.head("/")
@home_router.get("/")
async def home(request: Request) -> Response:
    settings = parts_of(request).settings
    if settings.home == HOME_DASHBOARD:
        return redirect("/-/")
    return Response(status_code=302, headers={"Location": settings.home})


def has_home(settings: Settings) -> bool:
    """Whether `/` answers. Otherwise requests for it are counted as misses."""
    return settings.dashboard if settings.home == HOME_DASHBOARD else settings.home != HOME_NONE


@files_router.head("/{digest}/{name:path}")
@files_router.get("/{digest}/{name:path}")
async def get_file(digest: str, name: str, request: Request) -> Response:
    """A file of this version, and of no other: what browsers keep for a year must be what the path says."""
    assets = parts_of(request)[DASHBOARD].assets
    asset = assets.find(name)
    if asset is None or not assets.base.endswith(f"/{digest}"):
        raise NotFound("No file has this address.")
    return asset.answer(request)


@nowhere_router.head("/{path:path}")
@nowhere_router.get("/{path:path}")
async def nothing(path: str) -> Response:
    del path
    raise NotFound("No page has this address.")
