"""Inserting links, one or many with one statement, and what a code that is taken means."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from shortener.access.memberships import PLACE_SQL, Caller, check_writable, writable
from shortener.errors import Conflict, ServiceUnavailable, ShortenerError
from shortener.event_loop.slices import gathered
from shortener.links.codes import Codes, generate_code, generate_codes
from shortener.links.directory import Directory, UnknownDomain
from shortener.links.models import Link
from shortener.links.readable import readable_url
from shortener.redirect.hosts import qualified
from shortener.stores.database import driver_in, driver_of
from shortener.stores.portions import portions
from shortener.tags.assignment import new_tag_ids

# So many codes of one length may be taken before a longer one is tried.
TRIES_PER_LENGTH = 3
LENGTHS_TRIED = 5
# Of `NewLink.values`.
_COLUMNS = 13
# Links of one statement.
_TOGETHER = 500

# One row is answered, since to read a thousand takes longer than to make them.
_INSERT = f"""{PLACE_SQL}, created AS (
    INSERT INTO links (code, url, readable_url, title, expires_at, flag, has_warning, starts_at, max_clicks, note,
        is_archived, password_hash, options, tag_ids, workspace_id)
    SELECT code, url, readable_url, title, expires_at, flag, has_warning, starts_at, max_clicks, note, is_archived,
        password_hash, options, tag_ids::bigint[], (SELECT workspace_id FROM writable)
    FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[], $9::boolean[],
        $10::timestamptz[], $11::bigint[], $12::text[], $13::boolean[], $14::text[], $15::jsonb[], $16::text[])
        AS new (code, url, readable_url, title, expires_at, flag, has_warning, starts_at, max_clicks, note, is_archived,
            password_hash, options, tag_ids)
    WHERE EXISTS (SELECT FROM writable)
    ON CONFLICT DO NOTHING RETURNING id, code, max_clicks
), limited AS (
    INSERT INTO click_limits (link_id, used) SELECT id, 0 FROM created WHERE max_clicks IS NOT NULL
)
SELECT (SELECT role FROM place) AS role, (SELECT workspace_id FROM writable) AS workspace_id, now() AS created_at,
    (SELECT array_agg(code) FROM created) AS codes, (SELECT array_agg(id) FROM created) AS ids
"""

_INSERT_ONE = f"""{PLACE_SQL}, created AS (
    INSERT INTO links (code, url, readable_url, title, expires_at, flag, has_warning, starts_at, max_clicks, note,
        is_archived, password_hash, options, tag_ids, workspace_id)
    SELECT $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::jsonb, $16::text::bigint[], workspace_id
    FROM writable
    ON CONFLICT DO NOTHING
    RETURNING id, code, url, title, created_at, updated_at, expires_at, is_disabled, ban_id, flag, workspace_id,
        starts_at, max_clicks, note, is_archived, password_hash, tag_ids
), limited AS (
    INSERT INTO click_limits (link_id, used) SELECT id, 0 FROM created WHERE max_clicks IS NOT NULL
)
SELECT (SELECT role FROM place) AS role, created.* FROM (SELECT) AS answer LEFT JOIN created ON true
"""


class CodeTaken(Conflict):
    """Another link has or had the code.

    Choose another code, or leave it out to get a generated one.
    """

    type, title = "code-taken", "Code taken"

    def __init__(self, code: str) -> None:
        super().__init__(f"The code {code} is taken.")


class NoFreeCode(ServiceUnavailable):
    def __init__(self) -> None:
        super().__init__("No free code was found. Try again.")


@dataclass(slots=True)
class NewLink:
    """A link that holds. `code` is None until one is generated, `id` and what follows it until it is in the database.
    `code` has the domain in front once `_place` has decided on it; `names_domain` says whether the request names one.
    `password_hash` is None until the password is hashed, `tag_ids` until the tags are there. `reuse` has the members
    that the request names, if it wants a link that is there instead."""

    code: str | None
    url: str
    title: str | None
    expires_at: datetime | None
    flag: str | None = None
    has_warning: bool = False
    starts_at: datetime | None = None
    max_clicks: int | None = None
    note: str | None = None
    is_archived: bool = False
    password: str | None = None
    password_hash: str | None = None
    options: dict[str, Any] | None = None
    tags: Sequence[str] = ()
    tag_ids: Sequence[int] | None = None
    domain: str | None = None
    names_domain: bool = False
    reuse: Collection[str] | None = None
    id: int | None = None
    created_at: datetime | None = None
    workspace_id: uuid.UUID | None = None

    # Whether the request has chosen the code.
    is_chosen: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_chosen = self.code is not None

    def values(self) -> tuple[Any, ...]:
        """The values of the columns behind the code, in the order of the statements."""
        options = None if self.options is None else orjson.dumps(self.options).decode()
        # As text: an array of arrays would be one flat array to the statement of many links.
        tag_ids = None if self.tag_ids is None else f"{{{','.join(map(str, self.tag_ids))}}}"
        return (
            self.url, readable_url(self.url), self.title, self.expires_at, self.flag, self.has_warning, self.starts_at,
            self.max_clicks, self.note, self.is_archived, self.password_hash, options, tag_ids,
        )  # fmt: skip


class Reused(NamedTuple):
    """A link instead of a new one: one that was there, or one that the same request makes."""

    link: Link | NewLink
    clicks: int

    @property
    def id(self) -> int | None:
        return self.link.id

    @property
    def code(self) -> str | None:
        return self.link.code


Outcome = NewLink | Reused | ShortenerError


class _Made(NamedTuple):
    """Values that the database gives a link."""

    id: int
    created_at: datetime
    workspace_id: uuid.UUID | None


def lengths_tried(length: int) -> Iterator[int]:
    """The length of each code that is tried for a link, until one is free."""
    for longer in range(LENGTHS_TRIED):
        for _ in range(TRIES_PER_LENGTH):
            yield length + longer


async def _place(
    connection: asyncpg.Connection,
    directory: Directory,
    caller: Caller,
    workspace: uuid.UUID | None,
    outcomes: list[Outcome],
) -> None:
    """Decide on the domains of new links, and put them in front of their codes. A link whose domain is not the
    workspace's becomes UnknownDomain. Raises UnknownWorkspace, InsufficientRole."""
    placed = [(n, new) for n, new in enumerate(outcomes) if isinstance(new, NewLink)]
    if not directory.has_defaults and not any(new.domain for _, new in placed):
        return
    workspace_id = None if caller.user_id is None else await writable(connection, caller, workspace)
    for n, new in placed:
        if not new.names_domain:
            new.domain = directory.default_of(workspace_id)
        if new.domain is None:
            continue
        try:
            directory.check(new.domain, workspace_id)
        except UnknownDomain as error:
            outcomes[n] = error
        else:
            new.code = None if new.code is None else qualified(new.code, new.domain)


async def insert_one(
    connection: asyncpg.Connection,
    caller: Caller,
    workspace: uuid.UUID | None,
    new: NewLink,
    codes: Codes,
    directory: Directory,
) -> Link:
    """Of many that want the same code at once exactly one succeeds: the unique index decides.

    A link with tags needs a transaction. Raises CodeTaken, NoFreeCode, UnknownDomain, UnknownWorkspace,
    InsufficientRole, TooManyTags.
    """
    outcomes: list[Outcome] = [new]
    await _place(connection, directory, caller, workspace, outcomes)
    if isinstance(outcomes[0], ShortenerError):
        raise outcomes[0]
    await _make_tags(connection, caller, workspace, [new])
    generated = (qualified(generate_code(length, codes.alphabet), new.domain) for length in lengths_tried(codes.length))
    for code in generated if new.code is None else [new.code]:
        row = dict(await connection.fetchrow(_INSERT_ONE, caller.user_id, workspace, code, *new.values()))
        check_writable(caller, workspace, row.pop("role"))
        if row["id"] is not None:
            link = Link(**row, options=new.options)
            set_committed_value(link, "tag_names", new.tags)
            return link
    raise NoFreeCode if new.code is None else CodeTaken(new.code)


async def insert_many(
    session: AsyncSession,
    caller: Caller,
    workspace: uuid.UUID | None,
    outcomes: list[Outcome],
    codes: Codes,
    directory: Directory,
) -> None:
    """Insert, in the session's transaction, all that are links; one whose own code is taken becomes CodeTaken, one
    whose domain is not the workspace's UnknownDomain.

    Raises NoFreeCode, UnknownWorkspace, InsufficientRole, TooManyTags.
    """
    new_links = [new for new in outcomes if isinstance(new, NewLink)]
    if directory.has_defaults or any(new.domain or new.tags for new in new_links):
        connection = await driver_in(session)
        await _place(connection, directory, caller, workspace, outcomes)
        new_links = [new for new in outcomes if isinstance(new, NewLink)]
        await _make_tags(connection, caller, workspace, new_links)
    own = _place_own_codes(outcomes)
    links = {code: new for code, n in own.items() if isinstance(new := outcomes[n], NewLink)}
    waiting = [new for new in new_links if new.code is None]
    for length in lengths_tried(codes.length):
        waiting = _give_codes(waiting, links, generate_codes(length, len(waiting), codes.alphabet))
        if waiting:
            continue
        async with session.begin_nested() as savepoint:
            created = await _insert(await driver_of(await session.connection()), caller, workspace, links)
            taken = links.keys() - created.keys()
            waiting = [links.pop(code) for code in taken - own.keys()]
            if not waiting:
                for code, made in created.items():
                    new = links[code]
                    new.code = code
                    new.id, new.created_at, new.workspace_id = made
                for code in taken:
                    outcomes[own[code]] = CodeTaken(code)
                return
            # All over again, since a second statement would take its codes out of order.
            await savepoint.rollback()
    raise NoFreeCode


async def _make_tags(
    connection: asyncpg.Connection, caller: Caller, workspace: uuid.UUID | None, links: Iterable[NewLink]
) -> None:
    """Give the links the ids of their tags."""
    tagged = [new for new in links if new.tags]
    if tagged:
        ids = await new_tag_ids(connection, caller, workspace, {name for new in tagged for name in new.tags})
        for new in tagged:
            new.tag_ids = sorted(ids[name] for name in new.tags)


def _place_own_codes(outcomes: list[Outcome]) -> dict[str, int]:
    """Where each chosen code is first asked for; whoever asks for it again has come too late."""
    places: dict[str, int] = {}
    for n, new in enumerate(outcomes):
        if isinstance(new, NewLink) and new.code is not None and places.setdefault(new.code, n) != n:
            outcomes[n] = CodeTaken(new.code)
    return places


def _give_codes(waiting: list[NewLink], links: dict[str, NewLink], codes: list[str]) -> list[NewLink]:
    """Those whose generated code another link of the request has."""
    pairs = zip(waiting, codes, strict=True)
    return [new for new, code in pairs if links.setdefault(qualified(code, new.domain), new) is not new]


async def _insert(
    connection: asyncpg.Connection, caller: Caller, workspace: uuid.UUID | None, links: Mapping[str, NewLink]
) -> dict[str, _Made]:
    """Those that were created, by code.

    In sorted order: of two requests with the same codes the one waits for the other, and never both. Raises
    UnknownWorkspace, InsufficientRole.
    """
    rows = await gathered((code, *links[code].values()) for code in sorted(links))
    created = {}
    for portion in portions(rows, _TOGETHER):
        columns = map(list, zip(*portion, strict=True)) if portion else [[]] * (1 + _COLUMNS)
        made = await connection.fetchrow(_INSERT, caller.user_id, workspace, *columns)
        check_writable(caller, workspace, made["role"])
        for code, id_ in zip(made["codes"] or (), made["ids"] or (), strict=True):
            created[code] = _Made(id_, made["created_at"], made["workspace_id"])
    return created
