"""The codes of a link: its own, and its aliases. Each function is a part of the session's transaction.

An alias is a row of `links` that counts as deleted and points to its link. So the one unique index decides who has a
code, and nothing that looks for links sees aliases.
"""

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.errors import Conflict, NotFound
from shortener.links.inserts import CodeTaken
from shortener.links.models import Link

MAX_ALIASES = 50
_NO_SYNC = {"synchronize_session": False}


class UnknownAlias(NotFound):
    """The link has no alias with this code.

    `GET /api/v1/links/{code}/aliases`
    """

    type, title = "alias-not-found", "No such alias"

    def __init__(self, code: str) -> None:
        super().__init__(f"The link has no alias {code}.")


class TooManyAliases(Conflict):
    """A link can have 50 aliases.

    Remove one.
    """

    type, title = "too-many-aliases", "Too many aliases"

    def __init__(self) -> None:
        super().__init__(f"A link has at most {MAX_ALIASES} aliases.")


async def codes_of(session: AsyncSession, link: Link) -> list[str]:
    """The link's own code, then its aliases in order."""
    return [link.code, *await session.scalars(select(Link.code).where(Link.alias_of == link.id).order_by(Link.code))]


async def add_alias(session: AsyncSession, link: Link, code: str) -> None:
    """A code that was the link's before comes back. Raises CodeTaken, even for a code that is the link's already, and
    TooManyAliases."""
    aliases = await session.scalar(select(func.count()).where(Link.alias_of == link.id))
    if (aliases or 0) >= MAX_ALIASES:
        raise TooManyAliases
    # A code that was removed from this workspace's link leads to the link again.
    again = _keeping(link, code, link.id).on_conflict_do_update(
        index_elements=[Link.code],
        set_={"alias_of": link.id, "updated_at": datetime.now(UTC)},
        where=_is_kept_for(link) & Link.alias_of.is_(None),
    )
    if await session.scalar(again.returning(Link.id)) is None:
        raise CodeTaken(code)


async def remove_alias(session: AsyncSession, link: Link, code: str) -> None:
    """The code answers 410 from then on, as that of a deleted link. Raises UnknownAlias."""
    removed = (
        update(Link)
        .where(Link.code == code, Link.alias_of == link.id)
        .values(alias_of=None, updated_at=datetime.now(UTC))
        .returning(Link.id)
    )
    if await session.scalar(removed, execution_options=_NO_SYNC) is None:
        raise UnknownAlias(code)


async def rename(session: AsyncSession, link: Link, code: str, keep_old_code: bool) -> list[str]:
    """Give the link another code, which may be one of its aliases; the fields that changed.
    Raises CodeTaken, TooManyAliases."""
    old = link.code
    # A row that keeps the code for this link makes room for it.
    await session.execute(delete(Link).where(Link.code == code, _is_kept_for(link)), execution_options=_NO_SYNC)
    try:
        async with session.begin_nested():
            link.code, link.updated_at = code, datetime.now(UTC)
    except IntegrityError:
        raise CodeTaken(code) from None
    # Caches know aliases by their link's code: a worker sees by this that they have changed.
    now = datetime.now(UTC)
    await session.execute(
        update(Link).where(Link.alias_of == link.id).values(updated_at=now), execution_options=_NO_SYNC
    )
    if keep_old_code:
        await add_alias(session, link, old)
    else:
        await session.execute(_keeping(link, old, None))
    return ["code"]


def _keeping(link: Link, code: str, alias_of: int | None) -> Insert:
    """A row that keeps a code from strangers, and leads to a link or nowhere."""
    now = datetime.now(UTC)
    return insert(Link).values(
        code=code, url="", deleted_at=now, alias_of=alias_of, workspace_id=link.workspace_id, updated_at=now
    )


def _is_kept_for(link: Link) -> ColumnElement[bool]:
    """Rows that are aliases of the link, or keep codes that were aliases of a link of its workspace."""
    was_alias = (Link.url == "") & Link.alias_of.is_(None)
    return (Link.alias_of == link.id) | (was_alias & Link.workspace_id.is_not_distinct_from(link.workspace_id))
