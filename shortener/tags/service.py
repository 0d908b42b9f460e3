"""Changes of tags. Each function is one short transaction, however many links a tag has: the worker takes
the ids of deleted and merged tags from the links."""

import uuid
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Subquery, cast, func, select, union_all, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import Caller, WorkspaceRef, readable, writable
from shortener.audit.trail import Action, record, tag_subject
from shortener.errors import Conflict, InvalidField, NotFound
from shortener.http.pagination import Key, Order, Page, like_pattern, read_page
from shortener.stores.database import driver_of
from shortener.tags.choices import TagOrder
from shortener.tags.models import NO_WORKSPACE, Tag, TagChange
from shortener.tags.names import normalized


class UnknownTag(NotFound):
    """The workspace has no such tag.

    `GET /api/v1/tags`
    """

    type, title = "tag-not-found", "No such tag"

    def __init__(self, name: str) -> None:
        super().__init__(f"The workspace has no tag {name}.")


class TagExists(Conflict):
    """Another tag of the workspace has the name.

    Choose another name, or merge the tags.
    """

    type, title = "tag-exists", "Tag exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a tag {name} already.")


class TagRow(NamedTuple):
    """A tag, and how many live links have it."""

    tag: Tag
    links: int


_MERGED = func.coalesce(Tag.merged_into, Tag.id)


def _counts(place: uuid.UUID) -> Subquery:
    """The links of each tag of a workspace, with those of tags that were merged into it."""
    folded = select(_MERGED.label("id"), Tag.links).where(Tag.workspace_id == place)
    changed = select(_MERGED, TagChange.links).join(Tag, Tag.id == TagChange.tag_id).where(Tag.workspace_id == place)
    each = union_all(folded, changed).subquery()
    return select(each.c.id, cast(func.sum(each.c.links), BigInteger).label("links")).group_by(each.c.id).subquery()


async def list_tags(
    session: AsyncSession,
    caller: Caller,
    place: WorkspaceRef | None,
    *,
    q: str | None,
    sort: TagOrder,
    order: Order,
    limit: int,
    cursor: str | None,
) -> Page:
    """Rows of a tag and the number of its links. Raises UnknownWorkspace, InvalidCursor."""
    workspace = await readable(await driver_of(await session.connection()), caller, place) or NO_WORKSPACE
    counts = _counts(workspace)
    keys: dict[TagOrder, ColumnElement[Any]] = {
        TagOrder.NAME: Tag.name.expression,
        TagOrder.LINKS: counts.c.links,
        TagOrder.CLICKS: Tag.clicks.expression,
    }
    statement = (
        select(Tag, counts.c.links)
        .join(counts, counts.c.id == Tag.id)
        .where(Tag.workspace_id == workspace, ~Tag.is_gone)
    )
    if q:
        statement = statement.where(Tag.name.collate("default").ilike(like_pattern(q)))
    key: Key = (keys[sort], str if sort is TagOrder.NAME else int)
    return await read_page(
        session,
        statement,
        [key, (Tag.id.expression, int)],
        descending=order is Order.DESC,
        name=f"tags:{sort}:{order}:{workspace}",
        limit=limit,
        cursor=cursor,
        is_counted=True,
    )


async def get(session: AsyncSession, caller: Caller, place: WorkspaceRef | None, name: str) -> TagRow:
    """Raises UnknownWorkspace, UnknownTag."""
    async with session.begin():
        workspace = await readable(await driver_of(await session.connection()), caller, place) or NO_WORKSPACE
        wanted = Tag.workspace_id == workspace, Tag.name == stored_name(name), ~Tag.is_gone
        tag = await session.scalar(select(Tag).where(*wanted))
        if tag is None:
            raise UnknownTag(name)
        return await _row(session, tag)


async def colors(session: AsyncSession, workspace: uuid.UUID | None, names: Collection[str]) -> dict[str, str]:
    """The colors of those of these tags that have one."""
    wanted = Tag.workspace_id == (workspace or NO_WORKSPACE), Tag.name.in_(names), ~Tag.is_gone, Tag.color.is_not(None)
    rows = await session.execute(select(Tag.name, Tag.color).where(*wanted))
    return {row.name: row.color for row in rows}


async def change(
    session: AsyncSession, caller: Caller, place: WorkspaceRef | None, name: str, changes: dict[str, Any]
) -> TagRow:
    """Set these columns. Raises UnknownWorkspace, InsufficientRole, UnknownTag, TagExists."""
    try:
        async with session.begin():
            workspace = await _writable(session, caller, place)
            tag = await _locked(session, workspace, name)
            changed = sorted(column for column, value in changes.items() if getattr(tag, column) != value)
            for column in changed:
                setattr(tag, column, changes[column])
            await session.flush()
            if changed:
                record(session, Action.TAG_CHANGED, tag_subject(name), fields=changed)
            return await _row(session, tag)
    except IntegrityError:
        raise TagExists(changes["name"]) from None


async def merge(session: AsyncSession, caller: Caller, place: WorkspaceRef | None, name: str, into: str) -> TagRow:
    """Give all links of the one tag to the other. Raises UnknownWorkspace, InsufficientRole, UnknownTag,
    InvalidField."""
    if stored_name(name) == into:
        raise InvalidField("/into", "a tag cannot be merged into itself")
    async with session.begin():
        workspace = await _writable(session, caller, place)
        # In order: two merges of the same tags wait for each other, and never both.
        tags = {name: await _locked(session, workspace, name) for name in sorted({stored_name(name), into})}
        tag, target = tags[stored_name(name)], tags[into]
        tag.is_gone, tag.merged_into = True, target.id
        await session.execute(update(Tag).where(Tag.merged_into == tag.id).values(merged_into=target.id))
        await session.flush()
        record(session, Action.TAG_MERGED, tag_subject(name), into=into)
        return await _row(session, target)


async def delete(session: AsyncSession, caller: Caller, place: WorkspaceRef | None, name: str) -> None:
    """Take the tag from all its links. Raises UnknownWorkspace, InsufficientRole, UnknownTag."""
    async with session.begin():
        tag = await _locked(session, await _writable(session, caller, place), name)
        tag.is_gone = True
        await session.execute(update(Tag).where(Tag.merged_into == tag.id).values(merged_into=None))
        record(session, Action.TAG_DELETED, tag_subject(name))


def stored_name(name: str) -> str:
    """The name in a path, as it is stored. Raises UnknownTag."""
    try:
        return normalized(name)
    except ValueError:
        raise UnknownTag(name) from None


async def _writable(session: AsyncSession, caller: Caller, place: WorkspaceRef | None) -> uuid.UUID:
    return await writable(await driver_of(await session.connection()), caller, place) or NO_WORKSPACE


async def _locked(session: AsyncSession, workspace: uuid.UUID, name: str) -> Tag:
    tag = await session.scalar(
        select(Tag).where(Tag.workspace_id == workspace, Tag.name == stored_name(name), ~Tag.is_gone).with_for_update()
    )
    if tag is None:
        raise UnknownTag(name)
    return tag


async def _row(session: AsyncSession, tag: Tag) -> TagRow:
    counts = _counts(tag.workspace_id)
    return TagRow(tag, await session.scalar(select(counts.c.links).where(counts.c.id == tag.id)) or 0)
