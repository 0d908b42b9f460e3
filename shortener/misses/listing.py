"""Reads misses page by page."""

from datetime import date, datetime
from typing import Annotated, Any, NamedTuple

from msgspec import Meta
from sqlalchemy import BigInteger, Subquery, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from shortener.http.pagination import Key, Page, read_page
from shortener.misses.batch import Kind
from shortener.misses.models import Miss, MissDay, MissPath

# Of a path, or of `OPTIONS *`. Other texts come from no row.
_PATH: Any = Annotated[str, Meta(pattern="^[/*]")]
_TOTALS = {Kind.CODE: MissDay.code, Kind.ROOT: MissDay.root, Kind.PATH: MissDay.path}


class Wanted(NamedTuple):
    """Conditions on misses; None matches any. Both days are included, in UTC."""

    kind: Kind | None = None
    since: date | None = None
    until: date | None = None


class Totals(NamedTuple):
    """Of all misses, and of those that are not counted by path."""

    total: int
    other: int


async def list_paths(session: AsyncSession, wanted: Wanted, limit: int, cursor: str | None) -> tuple[Page, Totals]:
    """Rows of path, kind, count and last_at, the most frequent first. Raises InvalidCursor."""
    paths = _paths(wanted).c
    page = await read_page(
        session,
        select(paths.path, paths.kind, paths.count, paths.last_at),
        [(paths.count, int), (paths.kind, Kind), (paths.path, _PATH)],
        descending=True,
        name="misses",
        limit=limit,
        cursor=cursor,
    )
    return page, await _totals(session, wanted)


def _paths(wanted: Wanted) -> Subquery:
    count = cast(func.sum(MissPath.count - MissPath.error), BigInteger)
    found = select(MissPath.kind, MissPath.path, count.label("count"), func.max(MissPath.last_at).label("last_at"))
    for condition in _conditions(wanted, MissPath.day, MissPath.kind):
        found = found.where(condition)
    return found.group_by(MissPath.kind, MissPath.path).subquery()


async def _totals(session: AsyncSession, wanted: Wanted) -> Totals:
    columns = _TOTALS.values() if wanted.kind is None else [_TOTALS[wanted.kind]]
    total = select(*(func.coalesce(func.sum(column), 0) for column in columns))
    shown = select(func.coalesce(func.sum(MissPath.count - MissPath.error), 0))
    for condition in _conditions(wanted, MissDay.day):
        total = total.where(condition)
    for condition in _conditions(wanted, MissPath.day, MissPath.kind):
        shown = shown.where(condition)
    totals = (await session.execute(total)).one()
    all_ = int(sum(totals))
    return Totals(all_, all_ - int(await session.scalar(shown) or 0))


async def list_singles(session: AsyncSession, wanted: Wanted, limit: int, cursor: str | None) -> Page:
    """Rows of the miss, newest first. Raises InvalidCursor."""
    found = select(Miss)
    for condition in _conditions(wanted, Miss.day, Miss.kind):
        found = found.where(condition)
    keys: list[Key] = [(Miss.at.expression, datetime), (Miss.id.expression, int)]
    return await read_page(session, found, keys, descending=True, name="single misses", limit=limit, cursor=cursor)


def _conditions(
    wanted: Wanted, day: InstrumentedAttribute[date], kind: InstrumentedAttribute[str] | None = None
) -> list[Any]:
    conditions: list[Any] = []
    if wanted.since is not None:
        conditions.append(day >= wanted.since)
    if wanted.until is not None:
        conditions.append(day <= wanted.until)
    if wanted.kind is not None and kind is not None:
        conditions.append(kind == wanted.kind)
    return conditions
