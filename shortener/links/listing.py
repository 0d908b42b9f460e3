"""Lists of links: keyset pages in either direction over any of the orders.

A page is read in one of two ways. Where a filter holds for many links, the first links in the order of an index are
looked at until the page is full. Where these are too few, all links for which the filter holds are collected by the
index of the filter, and sorted: as a rule they are few, or some of them would have been among the first.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.http.pagination import MAX_TOTAL, Key, Order, Page, Reading, count_rows, read_page
from shortener.links.choices import Sort, State
from shortener.links.filters import (
    LinkFilter,
    Links,
    clicks_of,
    conditions,
    count_clicked,
    created_within,
    is_searched_by_parts,
    is_whole,
    rare_within,
)
from shortener.links.models import Link
from shortener.links.orders import (
    ALL_WORKSPACES,
    FirstLinks,
    ListOrder,
    WorkspaceFilter,
    bound,
    bound_values,
    first_links,
    kept_first_links,
    keys_of,
    parts_of_order,
)

# The number of links that are looked at. To look into their texts takes about 15 ms.
WALK = 5_000
FEW = 500
# Without texts more are looked at, or collected, in that time.
WITHOUT_TEXTS = 10_000


def matching(whose: WorkspaceFilter, asked: LinkFilter, base_url: str) -> Select[Link, int]:
    """The links that are asked for, each with its clicks."""
    return select(Link, clicks_of(Link)).where(*_holding(Link, whose, asked, base_url))


def _holding(
    link: Links, whose: WorkspaceFilter, asked: LinkFilter, base_url: str, **forms: bool
) -> list[ColumnElement[bool]]:
    belongs = [] if whose is ALL_WORKSPACES else [link.workspace_id == whose]
    return [*belongs, *conditions(asked, base_url, link, **forms)]


async def list_links(
    session: AsyncSession,
    whose: WorkspaceFilter,
    asked: LinkFilter,
    base_url: str,
    *,
    sort: Sort,
    order: Order,
    limit: int,
    cursor: str | None,
    offset: int = 0,
    is_counted: bool = True,
) -> Page:
    """Rows of a link and its clicks: those of a workspace, those without an owner (None), or all. Raises
    InvalidCursor."""
    clicked = await count_clicked(session, asked)
    found = _List(session, whose, asked, base_url, sort, order, is_counted, clicked)
    return await found.page(limit, cursor, offset)


class _List(NamedTuple):
    session: AsyncSession
    whose: WorkspaceFilter
    asked: LinkFilter
    base_url: str
    sort: Sort
    order: Order
    is_counted: bool
    # How many links of the service have enough clicks, where these are few.
    clicked: int | None

    async def page(self, limit: int, cursor: str | None, offset: int) -> Page:
        """Raises InvalidCursor."""
        name = f"{self.sort}:{self.order}" if self.whose is None else f"{self.sort}:{self.order}:{self.whose}"
        if offset:
            return await self._numbered(name, limit, offset)
        is_down = self.order is Order.DESC
        reading = Reading.of(name, self._keys(Link), descending=is_down, limit=limit, cursor=cursor)
        rows = None if self.asked.state is State.DELETED else await self._found_by_walking(reading)
        if rows is None:
            return await self._collected(reading)
        if not self.is_counted:
            return reading.page(rows, None)
        total, is_exact = await self._total()
        return reading.page(rows, max(total, min(len(rows), limit)), is_total_exact=is_exact)

    @property
    def _order(self) -> ListOrder:
        return ListOrder(self.sort, self.order is Order.DESC, bound(self.whose))

    def _keys(self, link: Links) -> list[Key]:
        return keys_of(*self._order, link)

    def _holding(self, link: Links, *, by_index: bool = False) -> list[ColumnElement[bool]]:
        forms = {"by_index": by_index, "few_clicked": self.clicked is not None}
        return _holding(link, self.whose, self.asked, self.base_url, **forms)

    def _within(self) -> list[ColumnElement[bool]]:
        """The conditions that indexes of a workspace's links by time have."""
        if self.whose is ALL_WORKSPACES:
            return []
        return [*created_within(self.asked), *rare_within(self.asked)]

    async def _numbered(self, name: str, limit: int, offset: int) -> Page:
        """A page of which only the number is known: all before it is read, too."""
        page = await read_page(
            self.session,
            matching(self.whose, self.asked, self.base_url),
            self._keys(Link),
            descending=self.order is Order.DESC,
            name=name,
            limit=limit,
            cursor=None,
            offset=offset,
            within=Link.workspace_id.expression if self._order.is_by_time else None,
        )
        total, is_exact = await self._total()
        return page._replace(total=max(total, offset + len(page.rows)), is_total_exact=is_exact)

    async def _found_by_walking(self, reading: Reading) -> list[Any] | None:
        """The rows of the page, and one more where there is one; None where too few of the links hold."""
        for walk in self._walks():
            rows, is_enough = await self._walked(reading, walk)
            if is_enough:
                return rows
            if not rows:
                break
        return None

    def _walks(self) -> Sequence[int]:
        """How many links to look at, and how many if some of these hold, but too few."""
        if self.asked.q is not None and is_searched_by_parts(self.asked.q):
            # As a rule a long text is in hardly any link.
            return FEW, WALK
        if self.clicked is None or self.asked.q is not None or self.asked.host is not None:
            return (WALK,)
        return (FEW,) if self.clicked <= WITHOUT_TEXTS else (WITHOUT_TEXTS,)

    async def _walked(self, reading: Reading, walk: int) -> tuple[list[Any], bool]:
        """The rows of the page among so many links of each part of the order, and whether they are all."""
        order = self._order
        place = None if reading.place is None else reading.place.values
        rows: list[Any] = []
        numbered = list(enumerate(parts_of_order(*order)))
        for number, part in reversed(numbered) if reading.is_backwards else numbered:
            values = None if place is None else part.values_of(place)
            if place is not None and values is None:
                continue
            place = None
            first = self._first(order, number, len(values or ()), walk, down=reading.down)
            found = await self._among(first, reading, values or (), reading.limit + 1 - len(rows))
            rows += [row for row in found if row.holds]
            if len(rows) > reading.limit:
                break
            if any(row.is_last for row in found):
                return rows, False
        return rows, True

    def _first(self, order: ListOrder, part: int, behind: int, walk: int, *, down: bool) -> FirstLinks:
        """The links that are looked at. Statements are kept but for those that hold dates and the like: they would not
        be used again."""
        within = self._within() if order.is_by_time else []
        if within:
            return first_links(order, part, behind, walk, down, within)
        return kept_first_links(order, part, behind, walk, down)

    async def _among(self, first: FirstLinks, reading: Reading, values: Sequence[Any], wanted: int) -> list[Any]:
        """Rows that hold, and the last link that was looked at, if there are links behind it."""
        rows, link = first.rows, first.link
        holds, is_last = and_(link.id.is_not(None), *self._holding(link)), rows.c.number == first.walk
        keys = [key.label(f"key_{n}") for n, (key, _) in enumerate(self._keys(link))]
        statement = (
            select(link, clicks_of(link), holds.label("holds"), is_last.label("is_last"), *keys)
            .where(or_(holds, is_last))
            .order_by(*reading.by(rows.c[f"by_{n}"] for n in range(first.columns)))
            .limit(wanted)
        )
        return list((await self.session.execute(statement, bound_values(self.whose, values))).all())

    async def _collected(self, reading: Reading) -> Page:
        keys = [key.label(f"key_{n}") for n, (key, _) in enumerate(self._keys(Link))]
        found = select(Link.id.label("link_id"), *keys).where(*self._holding(Link, by_index=True)).cte("found")
        found = found.prefix_with("MATERIALIZED", dialect="postgresql")
        columns = [found.c[key.name] for key in keys]
        some = select(found).where(*reading.behind(columns)).order_by(*reading.by(columns)).limit(reading.limit + 1)
        page = some.subquery("page")
        total = select(func.count()).select_from(found).scalar_subquery()
        ordered = [page.c[key.name] for key in keys]
        statement = select(Link, clicks_of(Link), total.label("total"), *ordered).join(page, page.c.link_id == Link.id)
        rows = (await self.session.execute(statement.order_by(*reading.by(ordered)))).all()
        if rows:
            count = rows[0].total
        else:
            count = 0 if reading.place is None else await count_rows(self.session, select(found), found.c.link_id)
        return reading.page(list(rows), count)

    async def _total(self) -> tuple[int, bool]:
        """The number of links that hold, or of those among the first, and whether it is exact."""
        if is_whole(self.asked):
            total = await count_rows(self.session, matching(self.whose, self.asked, self.base_url), Link.id.expression)
            return total, total < MAX_TOTAL
        newest = ListOrder(Sort.CREATED_AT, True, bound(self.whose))
        first = self._first(newest, 0, 0, WALK, down=True)
        counts = select(func.count().filter(and_(*self._holding(first.link))), func.count()).select_from(first.rows)
        holding, looked_at = (await self.session.execute(counts, bound_values(self.whose))).one()
        return holding, looked_at < WALK
