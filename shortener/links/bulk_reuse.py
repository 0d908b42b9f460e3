"""Links that are there, instead of some of many new ones. Equal items of a request get one link."""

import asyncio
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import Caller, writable
from shortener.errors import ShortenerError
from shortener.links.codes import Codes
from shortener.links.directory import Directory, UnknownDomain
from shortener.links.inserts import NewLink, Outcome, Reused, insert_many
from shortener.links.reuse import Wanted, checked_domain, find_all, lock_workspace, may_reuse, named
from shortener.stores.database import driver_in


class _Twin(NamedTuple):
    """An item that is as an earlier one, and gets its link."""

    place: int
    earlier: int
    new: NewLink


async def insert_or_reuse(
    session: AsyncSession,
    caller: Caller,
    workspace: uuid.UUID | None,
    outcomes: list[Outcome],
    codes: Codes,
    directory: Directory,
) -> None:
    """As `insert_many`. Items that want it get a link that is there, or that of an earlier item."""
    is_wanted = any(isinstance(new, NewLink) and new.reuse is not None for new in outcomes)
    twins = await _reuse(session, caller, workspace, outcomes, directory) if is_wanted else []
    await insert_many(session, caller, workspace, outcomes, codes, directory)
    alone = []
    for twin in twins:
        if isinstance(refused := outcomes[twin.earlier], ShortenerError):
            if twin.new.code is None:
                alone.append(twin)
            else:
                # The code is taken for both.
                outcomes[twin.place] = refused
    if alone:
        rest: list[Outcome] = [twin.new for twin in alone]
        await insert_or_reuse(session, caller, workspace, rest, codes, directory)
        for twin, outcome in zip(alone, rest, strict=True):
            outcomes[twin.place] = outcome


async def _reuse(
    session: AsyncSession,
    caller: Caller,
    workspace: uuid.UUID | None,
    outcomes: list[Outcome],
    directory: Directory,
) -> list[_Twin]:
    """Raises UnknownWorkspace, InsufficientRole."""
    connection = await driver_in(session)
    workspace_id = None if caller.user_id is None else await writable(connection, caller, workspace)
    places, wanted = _wanted(caller, workspace, outcomes, workspace_id, directory)
    if not wanted:
        return []
    await lock_workspace(connection, workspace_id)
    found = await find_all(session, workspace_id, wanted)
    there = {places[n]: same for n, same in found.items()}
    for link, _ in there.values():
        # A rollback leaves it as it is.
        if link in session:
            session.expunge(link)
            await asyncio.sleep(0)
    earlier, twins = _Earlier(new for new, _ in wanted), []
    domains = dict(zip(places, (domain for _, domain in wanted), strict=True))
    for place, new in enumerate(outcomes):
        if not isinstance(new, NewLink):
            continue
        domain = domains[place] if place in domains else _domain(new, workspace_id, directory)
        if place in domains and (twin := earlier.find(new, domain)) is not None:
            twins.append(_Twin(place, twin[0], new))
            outcomes[place] = Reused(twin[1], 0)
        elif place in there:
            outcomes[place] = Reused(*there[place])
        else:
            earlier.add(place, new, domain)
        # Between two items, others have their turn.
        await asyncio.sleep(0)
    return twins


def _wanted(
    caller: Caller,
    workspace: uuid.UUID | None,
    outcomes: list[Outcome],
    workspace_id: uuid.UUID | None,
    directory: Directory,
) -> tuple[list[int], list[Wanted]]:
    """The items that may get links that are there, and their places. One whose domain is not the workspace's becomes
    UnknownDomain."""
    places, wanted = [], []
    for place, new in enumerate(outcomes):
        if isinstance(new, NewLink) and may_reuse(caller, workspace, new):
            try:
                wanted.append((new, checked_domain(new, workspace_id, directory)))
                places.append(place)
            except UnknownDomain as error:
                outcomes[place] = error
    return places, wanted


def _domain(new: NewLink, workspace_id: uuid.UUID | None, directory: Directory) -> str | None:
    return new.domain if new.names_domain else directory.default_of(workspace_id)


class _Earlier:
    """New links of a request by what they are, once for each choice of members that some item names."""

    def __init__(self, wanting: Iterable[NewLink]) -> None:
        self._choices = {_named(new) for new in wanting}
        self._links: dict[tuple[Any, ...], tuple[int, NewLink]] = {}

    def find(self, new: NewLink, domain: str | None) -> tuple[int, NewLink] | None:
        """The last that is as this one asks for, and its place."""
        choice = _named(new)
        return self._links.get((choice, _behavior(new, domain), _description(new, choice)))

    def add(self, place: int, new: NewLink, domain: str | None) -> None:
        if new.password is None:
            behavior = _behavior(new, domain)
            for choice in self._choices:
                self._links[choice, behavior, _description(new, choice)] = place, new


def _named(new: NewLink) -> tuple[str, ...]:
    code = [] if new.code is None else ["code"]
    return (*code, *named(new))


def _behavior(new: NewLink, domain: str | None) -> tuple[Any, ...]:
    options = None if new.options is None else orjson.dumps(new.options, option=orjson.OPT_SORT_KEYS)
    return new.url, domain, new.expires_at, new.starts_at, new.max_clicks, options


def _description(new: NewLink, names: Iterable[str]) -> tuple[Any, ...]:
    values = {
        "code": new.code,
        "title": new.title,
        "note": new.note,
        "archived": new.is_archived,
        "tags": tuple(sorted(new.tags)),
    }
    return tuple(values[name] for name in names)
