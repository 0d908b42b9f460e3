"""/api/v1/admin/links and /api/v1/admin/users"""

from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import OPERATOR
from shortener.access.models import User
from shortener.access.parts import REVOCATIONS
from shortener.access.revocation import Revocations
from shortener.access.routes import ADMINISTRATION, ApiRoute, needs_admin, principal_of
from shortener.accounts.errors import UnknownUser
from shortener.event_loop.slices import gathered
from shortener.http.openapi import errors
from shortener.http.pagination import InvalidCursor, Limit, Order, PageCursor, Search, beside_items
from shortener.http.pieces import answer_of, json_list
from shortener.links.answers import link_members
from shortener.links.choices import Sort
from shortener.links.conditions import STORED
from shortener.links.listing import list_links
from shortener.links.models import Link
from shortener.links.orders import ALL_WORKSPACES
from shortener.links.routes import AskedLinks, ExistingCode, Links
from shortener.links.schemas import LinkUpdate
from shortener.moderation import users
from shortener.moderation.bans import OwnBan
from shortener.moderation.schemas import (
    AdminLinkOut,
    AdminLinkPage,
    FeedCheckOut,
    LinkChange,
    UserChange,
    UserOut,
    UserPage,
)
from shortener.parts import parts_of
from shortener.redirect.errors import LinkNotFound
from shortener.screening.checks import checks_of
from shortener.screening.parts import BAN_LIST
from shortener.stores.sessions import Reader, Writer

router = APIRouter(prefix="/api/v1/admin", tags=[ADMINISTRATION], route_class=ApiRoute, dependencies=[needs_admin])

Id = Annotated[int, Path(ge=1, lt=2**63)]


async def _admin_id(request: Request) -> int:
    principal = principal_of(request)
    assert principal is not None
    return principal.user_id


AdminId = Annotated[int, Depends(_admin_id)]


async def _admin_links_out(
    request: Request, session: AsyncSession, links: Sequence[tuple[Link, int]]
) -> Iterator[AdminLinkOut]:
    """To be made in slices: a page of links with many rules takes long."""
    found: dict[int, list[FeedCheckOut]] = {link.id: [] for link, _ in links}
    for check in await checks_of(session, list(found)):
        found[check.link_id].append(FeedCheckOut.model_validate(check, from_attributes=True))
    parts = parts_of(request)
    return (
        AdminLinkOut.model_validate(
            link_members(link, clicks, parts.settings.base_url, parts[BAN_LIST])
            | {"ban_id": link.ban_id, "has_warning": link.has_warning, "feeds": found[link.id]},
            context=STORED,
        )
        for link, clicks in links
    )


async def _admin_link_out(request: Request, session: AsyncSession, link: Link, clicks: int) -> AdminLinkOut:
    [out] = await _admin_links_out(request, session, [(link, clicks)])
    return out


@router.get("/links", response_model=AdminLinkPage, responses=errors(InvalidCursor))
async def get_all_links(
    request: Request,
    session: Reader,
    asked: AskedLinks,
    limit: Limit = 20,
    cursor: PageCursor = None,
    sort: Sort = Sort.CREATED_AT,
    order: Order = Order.DESC,
) -> Response:
    """Everybody's links, page by page."""
    base_url = parts_of(request).settings.base_url
    page = await list_links(
        session, ALL_WORKSPACES, asked, base_url, sort=sort, order=order, limit=limit, cursor=cursor
    )
    links = await _admin_links_out(request, session, [(link, clicks) for link, clicks, *_ in page.rows])
    items = await gathered(link.model_dump_json(by_alias=True).encode() for link in links)
    return answer_of(json_list("items", items, {**beside_items(request, page), "total_is_exact": page.is_total_exact}))


@router.get("/links/{code}", responses=errors(LinkNotFound))
async def get_any_link(code: ExistingCode, request: Request, session: Writer, links: Links) -> AdminLinkOut:
    """Anybody's link."""
    return await _admin_link_out(request, session, *await links.get(session, OPERATOR, code))


@router.patch("/links/{code}", responses=errors(LinkNotFound))
async def change_any_link(
    code: ExistingCode, body: LinkChange, request: Request, session: Writer, links: Links
) -> AdminLinkOut:
    """Disable or enable anybody's link. Its owner can enable it again; to prevent that, ban it."""
    change = LinkUpdate(disabled=body.disabled)
    link, clicks = await links.update(session, OPERATOR, code, change)
    return await _admin_link_out(request, session, link, clicks)


def _user_out(user: User) -> UserOut:
    return UserOut(
        id=user.id,
        email=user.email,
        is_admin=user.is_admin,
        disabled=user.is_disabled,
        created_at=user.created_at,
    )


@router.get("/users", responses=errors(InvalidCursor))
async def get_users(
    request: Request,
    session: Writer,
    q: Annotated[Search, Query(description="Part of the email address.")] = None,
    limit: Limit = 20,
    cursor: PageCursor = None,
) -> UserPage:
    """Users, newest first."""
    page = await users.list_users(session, q, limit, cursor)
    return UserPage(items=[_user_out(row[0]) for row in page.rows], **beside_items(request, page))


@router.get("/users/{user_id}", responses=errors(UnknownUser))
async def get_user(user_id: Id, session: Writer) -> UserOut:
    """One user."""
    return _user_out(await users.get_user(session, select(User).where(User.id == user_id)))


@router.patch("/users/{user_id}", responses=errors(UnknownUser, users.UserBanned, OwnBan))
async def change_user(
    user_id: Id,
    body: UserChange,
    session: Writer,
    revocations: Annotated[Revocations, Depends(REVOCATIONS)],
    admin_id: AdminId,
) -> UserOut:
    """Disable or enable a user. Their links still work; to take them down as well, ban the user."""
    return _user_out(await users.set_disabled(session, revocations, user_id, body.disabled, admin_id))
