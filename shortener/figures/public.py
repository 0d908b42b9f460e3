"""/{code}/badge.svg, and the link of a public page."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import select

from shortener.clicks.models import ClickTotal
from shortener.errors import ServiceUnavailable, TooManyRequests
from shortener.figures.badge import badge
from shortener.http.openapi import DocumentedRoute, errors
from shortener.redirect.errors import LinkBanned, LinkGone, LinkNotFound, LinkScheduled
from shortener.redirect.openapi import TAG as REDIRECTS_TAG
from shortener.redirect.parts import REDIRECT
from shortener.redirect.request import CODE
from shortener.redirect.router import Redirects
from shortener.redirect.target import Target
from shortener.stores.sessions import Reader

public_router = APIRouter(tags=[REDIRECTS_TAG], route_class=DocumentedRoute)

RedirectsDep = Annotated[Redirects, Depends(REDIRECT)]
REFUSALS = (LinkNotFound, LinkScheduled, LinkGone, LinkBanned, TooManyRequests, ServiceUnavailable)
_HEADERS = {
    "Cache-Control": "public, max-age=60",
    # Pages of other sites may embed it.
    "Cross-Origin-Resource-Policy": "cross-origin",
}


async def public_target(redirects: Redirects, request: Request, stored_code: str) -> Target:
    """A link whose figures are public. Any other one looks like one that does not exist. Raises LinkNotFound, and the
    errors of a link that cannot be followed."""
    target = await redirects.look_up(stored_code, request.scope)
    if not target.options.has_public_stats:
        raise LinkNotFound("No link with public figures has this code.")
    return target


def stored_code_of(redirects: Redirects, request: Request, code: str) -> str:
    """Raises LinkNotFound."""
    if CODE.fullmatch(code) is None:
        raise LinkNotFound("No link has this code.")
    return redirects.stored_code(code, request.scope)


@public_router.head("/{code}/badge.svg", include_in_schema=False)
@public_router.get(
    "/{code}/badge.svg",
    response_class=Response,
    responses={
        200: {"description": "The picture.", "content": {"image/svg+xml": {"schema": {"type": "string"}}}},
        **errors(*REFUSALS),
    },
)
async def get_badge(code: str, request: Request, session: Reader, redirects: RedirectsDep) -> Response:
    """The number of a link's clicks as a small picture, where the link's figures are public. Caches keep it for a
    minute."""
    target = await public_target(redirects, request, stored_code_of(redirects, request, code))
    clicks = await session.scalar(select(ClickTotal.clicks).where(ClickTotal.link_id == target.link_id))
    return Response(badge(clicks or 0), headers=_HEADERS, media_type="image/svg+xml")
