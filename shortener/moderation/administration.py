"""/api/v1/admin/links and /api/v1/admin/users"""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import OPERATOR
from shortener.access.models import User
from shortener.access.routes import ApiRoute, needs_admin, principal_of
from shortener.http.openapi import errors
from shortener.http.pagination import Limit, PageCursor, Search, beside_items
from shortener.links.api import ExistingCode, link_out
from shortener.links.listing import EVERYWHERE, Order, Sort, list_links
from shortener.links.models import Link
from shortener.links.schemas import LinkUpdate
from shortener.moderation import users
from shortener.moderation.schemas import (
    AdminLinkOut,
    AdminLinkPage,
    FeedCheckOut,
    LinkChange,
    UserChange,
    UserOut,
    UserPage,
)
from shortener.screening.checks import checks_of
from shortener.stores.database import Reader, Writer

router = APIRouter(prefix="/admin", tags=["administration"], route_class=ApiRoute, dependencies=[needs_admin])

Id = Annotated[int, Path(ge=1, lt=2**63)]


async def _admin_id(request: Request) -> int:
    principal = principal_of(request)
    assert principal is not None
    return principal.user_id


AdminId = Annotated[int, Depends(_admin_id)]


async def _admin_links_out(
    request: Request, session: AsyncSession, links: Sequence[tuple[Link, int]]
) -> list[AdminLinkOut]:
    found: dict[int, list[FeedCheckOut]] = {link.id: [] for link, _ in links}
    for check in await checks_of(session, list(found)):
        found[check.link_id].append(FeedCheckOut.model_validate(check, from_attributes=True))
    return [
        AdminLinkOut(
            **link_out(request, link, clicks).model_dump(),
            ban_id=link.ban_id,
            has_warning=link.has_warning,
            feeds=found[link.id],
        )
        for link, clicks in links
    ]


async def _admin_link_out(request: Request, session: AsyncSession, link: Link, clicks: int) -> AdminLinkOut:
    [out] = await _admin_links_out(request, session, [(link, clicks)])
    return out


@router.get("/links", responses=errors(400, 401, 403, 422, 429, 503))
async def get_all_links(
    request: Request,
    session: Reader,
    limit: Limit = 20,
    cursor: PageCursor = None,
    q: Search = None,
    sort: Sort = Sort.CREATED_AT,
    order: Order = Order.DESC,
) -> AdminLinkPage:
    """Everybody's links, a page at a time."""
    page = await list_links(session, EVERYWHERE, q=q, sort=sort, order=order, limit=limit, cursor=cursor)
    items = await _admin_links_out(request, session, [(link, clicks) for link, clicks, *_ in page.rows])
    return AdminLinkPage(items=items, **beside_items(request, page))


@router.get("/links/{code}", responses=errors(401, 403, 404, 422, 429, 503))
async def get_any_link(code: ExistingCode, request: Request, session: Writer) -> AdminLinkOut:
    """Anybody's link."""
    return await _admin_link_out(request, session, *await request.app.state.links.get(session, OPERATOR, code))


@router.patch("/links/{code}", responses=errors(400, 401, 403, 404, 413, 422, 429, 503))
async def change_any_link(code: ExistingCode, body: LinkChange, request: Request, session: Writer) -> AdminLinkOut:
    """Disable anybody's link, or enable it. Its owner can enable it again: to keep it down, ban it."""
    change = LinkUpdate(disabled=body.disabled)
    link, clicks = await request.app.state.links.update(session, OPERATOR, code, change)
    return await _admin_link_out(request, session, link, clicks)


def _user_out(user: User) -> UserOut:
    return UserOut(
        id=user.id,
        email=user.email,
        is_admin=user.is_admin,
        disabled=user.is_disabled,
        created_at=user.created_at,
    )


@router.get("/users", responses=errors(400, 401, 403, 422, 429, 503))
async def get_users(
    request: Request,
    session: Writer,
    q: Annotated[Search, Query(description="Part of the email address.")] = None,
    limit: Limit = 20,
    cursor: PageCursor = None,
) -> UserPage:
    """Users, the newest first."""
    page = await users.list_users(session, q, limit, cursor)
    return UserPage(items=[_user_out(row[0]) for row in page.rows], **beside_items(request, page))


@router.get("/users/{user_id}", responses=errors(401, 403, 404, 422, 429, 503))
async def get_user(user_id: Id, session: Writer) -> UserOut:
    """One user."""
    return _user_out(await users.get_user(session, select(User).where(User.id == user_id)))


@router.patch("/users/{user_id}", responses=errors(400, 401, 403, 404, 409, 413, 422, 429, 503))
async def change_user(user_id: Id, body: UserChange, request: Request, session: Writer, admin_id: AdminId) -> UserOut:
    """Disable a user, or enable them. Their links go on working: to take them down as well, ban the user."""
    revocations = request.app.state.revocations
    return _user_out(await users.set_disabled(session, revocations, user_id, body.disabled, admin_id))
