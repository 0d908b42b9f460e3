"""The orders of lists of links, each in one or two parts that an index gives."""

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Subquery,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import aliased

from shortener.clicks.models import ClickTotal
from shortener.http.pagination import Key, ordered
from shortener.links.choices import Sort
from shortener.links.filters import Links, clicks_of
from shortener.links.models import Link

_LEAST: dict[type, Any] = {str: "", datetime: datetime.fromtimestamp(0, UTC)}
_WITHOUT_VALUE_LAST = (Sort.TITLE, Sort.EXPIRES_AT)


class AllWorkspaces(Enum):
    """In place of a workspace: all of them, for admins."""

    ALL_WORKSPACES = "everywhere"


ALL_WORKSPACES: Final = AllWorkspaces.ALL_WORKSPACES
WorkspaceFilter = uuid.UUID | AllWorkspaces | None


# Stands for the workspace in statements that are kept.
BOUND_WORKSPACE = bindparam("workspace", type_=Uuid)
WorkspaceInStatement = BindParameter[uuid.UUID] | AllWorkspaces | None


def bound(whose: WorkspaceFilter) -> WorkspaceInStatement:
    return BOUND_WORKSPACE if isinstance(whose, uuid.UUID) else whose


def bound_values(whose: WorkspaceFilter, values: Sequence[Any] = ()) -> dict[str, Any]:
    """The values of a statement with a bound workspace, and with links behind these values."""
    return {"workspace": whose} | {f"value_{n}": value for n, value in enumerate(values)}


class ListOrder(NamedTuple):
    sort: Sort
    descending: bool
    whose: WorkspaceInStatement

    @property
    def is_by_time(self) -> bool:
        """Whether the list follows the index of a workspace's links by time."""
        return self.sort is Sort.CREATED_AT and self.whose is not ALL_WORKSPACES


class Part(NamedTuple):
    """Links that follow one another in an index by `columns`, of which the last is the link's id."""

    holds: ColumnElement[bool]
    columns: Sequence[ColumnElement[Any]]
    # Those of a cursor's values that belong to `columns`; None where the cursor points into another part.
    values_of: Callable[[Sequence[Any]], Sequence[Any] | None] = lambda values: values

    def first(self, behind: int, within: Sequence[ColumnElement[bool]], limit: int, *, down: bool) -> Subquery:
        """The first links, numbered, with the columns of `Link` and what orders them as `by_0` and so on. `behind`
        is how many of the last columns have bound values, behind which they are. Of a link that is deleted since there
        is only the number."""
        by = [column.label(f"by_{n}") for n, column in enumerate(self.columns)]
        holds = [self.holds, *within]
        if behind:
            known = self.columns[-behind:]
            values = [bindparam(f"value_{n}", type_=column.type) for n, column in enumerate(known)]
            row, here = tuple_(*known), tuple_(*values)
            holds.append(row < here if down else row > here)
        is_of_links = self.columns[-1] is not ClickTotal.link_id.expression
        columns = (*by, Link.__table__) if is_of_links else by
        chosen = select(*columns).where(*holds).order_by(*ordered(self.columns, down=down)).limit(limit).subquery()
        # With its order, which the database would not see in the rows below it.
        in_order = ordered((chosen.c[column.name] for column in by), down=down)
        numbered = select(chosen, func.row_number().over(order_by=in_order).label("number"))
        if is_of_links:
            return numbered.subquery("links")
        first = numbered.subquery()
        # OFFSET keeps the database from joining whole tables, which it takes for cheaper.
        each = select(Link.__table__).where(Link.id == first.c.by_1, Link.deleted_at.is_(None)).offset(0).lateral()
        return select(first, each).select_from(first.outerjoin(each, true())).subquery("links")


def _value(sort: Sort, link: Links) -> Key:
    """The value that a list is sorted by. Only titles and ends may be null."""
    return _VALUES[sort](link)


_VALUES: dict[Sort, Callable[[Links], Key]] = {
    Sort.CREATED_AT: lambda link: (link.created_at.expression, datetime),
    Sort.UPDATED_AT: lambda link: (link.updated_at.expression, datetime),
    Sort.CODE: lambda link: (link.code.expression, str),
    Sort.TITLE: lambda link: (func.nullif(link.title, literal_column("''"), type_=Text).collate("C"), str),
    Sort.EXPIRES_AT: lambda link: (link.expires_at.expression, datetime),
    Sort.CLICKS: lambda link: (clicks_of(link), int),
}


def keys_of(sort: Sort, descending: bool, whose: WorkspaceInStatement, link: Links = Link) -> list[Key]:
    """What orders the links, and what cursors hold. Those without a value come last in both orders."""
    (value, type_), id_ = _value(sort, link), (link.id.expression, int)
    if sort in _WITHOUT_VALUE_LAST:
        is_there = value.is_not(None) if descending else value.is_(None)
        return [(cast(is_there, Integer), int), (func.coalesce(value, _LEAST[type_]), type_), id_]
    if sort is Sort.CREATED_AT and whose is ALL_WORKSPACES:
        # The index of times is each workspace's own; ids ascend with time.
        return [id_]
    return [(value, type_), id_]


@cache
def parts_of_order(sort: Sort, descending: bool, whose: WorkspaceInStatement) -> list[Part]:
    """The parts in their order. None of them has deleted links."""
    is_live, id_ = Link.deleted_at.is_(None), Link.id.expression
    value, _type = _value(sort, Link)
    if sort in _WITHOUT_VALUE_LAST:
        there = int(descending)
        return [
            Part(is_live & value.is_not(None), [value, id_], lambda key: key[1:] if key[0] == there else None),
            Part(is_live & value.is_(None), [id_], lambda key: key[2:] if key[0] != there else None),
        ]
    if sort is Sort.CLICKS:
        columns = [ClickTotal.clicks.expression, ClickTotal.link_id.expression]
        clicked = Part(ClickTotal.clicks > 0, columns, lambda key: key if key[0] > 0 else None)
        others = Part(is_live & (value == 0), [id_], lambda key: key[1:] if key[0] == 0 else None)
        return [clicked, others] if descending else [others, clicked]
    if sort is Sort.CREATED_AT and whose is ALL_WORKSPACES:
        return [Part(is_live, [id_])]
    if sort is Sort.CREATED_AT:
        # The workspace, though it is but one: where it is null the database does not see that its index has this order.
        return [Part(is_live & (Link.workspace_id == whose), [Link.workspace_id.expression, value, id_])]
    return [Part(is_live, [value, id_])]


class FirstLinks(NamedTuple):
    """The first `walk` links of a part, or all, and the number of columns that order them."""

    rows: Subquery
    link: Links
    columns: int
    walk: int


def first_links(
    order: ListOrder, part: int, behind: int, walk: int, down: bool, within: Sequence[ColumnElement[bool]] = ()
) -> FirstLinks:
    """The links of the part with this number, from a place on that has as many values as `behind`."""
    chosen = parts_of_order(*order)[part]
    rows = chosen.first(behind, within, walk, down=down)
    return FirstLinks(rows, aliased(Link, rows), len(chosen.columns), walk)


# To write one of these statements takes 4 ms of the event loop. It holds 180 kB, and there may be hundreds.
kept_first_links = lru_cache(maxsize=32)(first_links)
