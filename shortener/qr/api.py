"""/api/v1/links/{code}/qr, /{code}.qr, and /api/v1/workspaces/{workspace_id}/logo"""

import re
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import status as http

from shortener.access.memberships import InsufficientRole, UnknownWorkspace
from shortener.access.routes import ApiRoute, CallerDep, Known, Manager, needs
from shortener.access.scopes import Scope
from shortener.errors import ServiceUnavailable, TooManyRequests
from shortener.http.openapi import DocumentedRoute, errors
from shortener.http.unchanging import Unchanging
from shortener.links import routes as links_routes
from shortener.links.ids import number_of
from shortener.links.lookup import UnknownLink
from shortener.qr.logos import InvalidLogo, LogoService, UnknownLogo, logo_of_link
from shortener.qr.look import Look
from shortener.qr.parts import LOGOS, PICTURES
from shortener.qr.pictures import Pictures, Subject
from shortener.redirect.errors import LinkBanned, LinkGone, LinkNotFound, LinkScheduled
from shortener.redirect.openapi import TAG as REDIRECTS_TAG
from shortener.redirect.parts import REDIRECT
from shortener.redirect.router import Redirects
from shortener.stores.sessions import Writer
from shortener.workspaces.api import TAG as WORKSPACES_TAG

router = APIRouter(prefix="/api/v1/links/{code}", tags=[links_routes.TAG], route_class=ApiRoute)
public_router = APIRouter(tags=[REDIRECTS_TAG], route_class=DocumentedRoute)
logos_router = APIRouter(prefix="/api/v1/workspaces/{workspace_id}", tags=[WORKSPACES_TAG], route_class=ApiRoute)

LooksDep = Annotated[Look, Query()]
PicturesDep = Annotated[Pictures, Depends(PICTURES)]
Logos = Annotated[LogoService, Depends(LOGOS)]

# Only the caller's own cache keeps the picture, and asks each time whether it is still the same.
PRIVATE = "private, no-cache"

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_ETAG = {"ETag": {"description": "For `If-None-Match`.", "schema": {"type": "string"}}}
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture.",
        "content": {"image/svg+xml": {"schema": {"type": "string"}}, "image/png": _BINARY},
        "headers": _ETAG,
    },
    304: {"description": "The picture is the one of `If-None-Match`."},
}
_CODE = re.compile("[A-Za-z0-9_-]{3,64}")


@router.get(
    "/qr",
    response_class=Response,
    responses={**_PICTURE, **errors(UnknownLink)},
    dependencies=[needs(Scope.LINKS_READ)],
)
async def get_qr(
    code: links_routes.ExistingCode,
    look: LooksDep,
    request: Request,
    session: Writer,
    caller: CallerDep,
    links: links_routes.Links,
    pictures: PicturesDep,
) -> Response:
    """The QR code of a link, which holds the short URL with this code, or with the link's own code where `code` is an
    id."""
    link, _ = await links.get(session, caller, code)
    shown = code if number_of(code) is None else link.code
    subject = Subject(shown, await logo_of_link(session, link.id) if look.logo else None)
    return await pictures.answer(request, subject, look, **{"Cache-Control": PRIVATE})


@public_router.head("/{code}.qr", include_in_schema=False)
@public_router.get(
    "/{code}.qr",
    response_class=Response,
    responses={
        **_PICTURE,
        **errors(LinkNotFound, LinkScheduled, LinkGone, LinkBanned, TooManyRequests, ServiceUnavailable),
    },
)
async def get_public_qr(
    code: str,
    look: LooksDep,
    request: Request,
    session: Writer,
    redirects: Annotated[Redirects, Depends(REDIRECT)],
    pictures: PicturesDep,
) -> Response:
    """The QR code of a link, for everybody. A link that cannot be followed has none, and answers as it would when it is
    followed."""
    if _CODE.fullmatch(code) is None:
        raise LinkNotFound("No link has this code.")
    stored_code = redirects.stored_code(code, request.scope)
    target = await redirects.look_up(stored_code, request.scope)
    subject = Subject(stored_code, await logo_of_link(session, target.link_id) if look.logo else None)
    # Pages of other sites may embed it.
    return await pictures.answer(request, subject, look, **{"Cross-Origin-Resource-Policy": "cross-origin"})


@logos_router.put(
    "/logo",
    status_code=http.HTTP_204_NO_CONTENT,
    responses=errors(UnknownWorkspace, InsufficientRole, InvalidLogo),
    openapi_extra={"requestBody": {"required": True, "content": {"image/png": _BINARY, "image/jpeg": _BINARY}}},
)
async def put_logo(
    workspace_id: uuid.UUID, request: Request, principal: Manager, session: Writer, logos: Logos
) -> None:
    """Set the logo that QR codes of the workspace's links can show: a PNG or JPEG of at most 256 KiB and 4 million
    pixels. Only its pixels are kept, at most 384 in each direction. Needs the role owner, and a login or a key with
    the scope `admin`."""
    await logos.put(session, workspace_id, principal.user_id, await request.body())


@logos_router.get(
    "/logo",
    response_class=Response,
    responses={
        200: {"description": "The logo.", "content": {"image/png": _BINARY}, "headers": _ETAG},
        304: {"description": "The logo is the one of `If-None-Match`."},
        **errors(UnknownWorkspace, UnknownLogo),
    },
)
async def get_logo(
    workspace_id: uuid.UUID, request: Request, principal: Known, session: Writer, logos: Logos
) -> Response:
    """The logo of a workspace."""
    png = await logos.get(session, workspace_id, principal.user_id)
    return Unchanging(png, "image/png", PRIVATE).answer(request)


@logos_router.delete(
    "/logo", status_code=http.HTTP_204_NO_CONTENT, responses=errors(UnknownWorkspace, InsufficientRole, UnknownLogo)
)
async def delete_logo(workspace_id: uuid.UUID, principal: Manager, session: Writer, logos: Logos) -> None:
    """Remove the logo of a workspace. Needs the role owner, and a login or a key with the scope `admin`."""
    await logos.delete(session, workspace_id, principal.user_id)
