"""Lists of links: keyset pages in either direction over any of the orders."""

import uuid
from datetime import datetime
from enum import Enum, StrEnum
from typing import Final

from sqlalchemy import Select, Text, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.clicks.models import ClickTotal
from shortener.http.pagination import Key, Page, like_pattern, read_page
from shortener.links.models import SEARCHED_SQL, Link

_CLICKS = func.coalesce(ClickTotal.clicks, 0)


class Sort(StrEnum):
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    CODE = "code"
    TITLE = "title"
    CLICKS = "clicks"


class Order(StrEnum):
    ASC = "asc"
    DESC = "desc"


_KEYS: dict[Sort, Key] = {
    Sort.CREATED_AT: (Link.created_at.expression, datetime),
    Sort.UPDATED_AT: (Link.updated_at.expression, datetime),
    Sort.CODE: (Link.code.expression, str),
    Sort.TITLE: (func.coalesce(Link.title, "").collate("C"), str),
    Sort.CLICKS: (_CLICKS, int),
}


class Everywhere(Enum):
    """In place of a workspace: all of them, for admins."""

    EVERYWHERE = "everywhere"


EVERYWHERE: Final = Everywhere.EVERYWHERE
Whose = uuid.UUID | Everywhere | None


def _matching(workspace: Whose, q: str | None) -> Select[Link, int]:
    statement = (
        select(Link, _CLICKS).outerjoin(ClickTotal, ClickTotal.link_id == Link.id).where(Link.deleted_at.is_(None))
    )
    if workspace is not EVERYWHERE:
        statement = statement.where(Link.workspace_id == workspace)
    if q:
        statement = statement.where(literal_column(SEARCHED_SQL, Text).ilike(like_pattern(q)))
    return statement


async def list_links(
    session: AsyncSession,
    workspace: Whose,
    *,
    q: str | None,
    sort: Sort,
    order: Order,
    limit: int,
    cursor: str | None,
) -> Page:
    """Rows of a link and its clicks: those of a workspace, those without owner (None), or all. Raises InvalidCursor."""
    name = f"{sort}:{order}" if workspace is None else f"{sort}:{order}:{workspace}"
    key, key_type = _KEYS[sort]
    if workspace is EVERYWHERE and sort is Sort.CREATED_AT:
        # The index of times is each workspace's own; ids ascend with time.
        key, key_type = Link.id.expression, int
    statement = _matching(workspace, q)
    # The workspace, though it is but one: where it is null the database does not see that its index has this order.
    within = Link.workspace_id.expression if sort is Sort.CREATED_AT and workspace is not EVERYWHERE else None
    return await read_page(
        session,
        statement,
        [(key, key_type), (Link.id.expression, int)],
        descending=order is Order.DESC,
        name=name,
        limit=limit,
        cursor=cursor,
        is_counted=True,
        within=within,
    )
