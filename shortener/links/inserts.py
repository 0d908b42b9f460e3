"""Inserting links, one or many with one statement, and what a code that is taken means."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import PLACE_SQL, Asker, check_writable
from shortener.errors import Conflict, ServiceUnavailable, ShortenerError
from shortener.links.codes import generate_code, generate_codes
from shortener.links.models import Link
from shortener.links.readable import readable_url
from shortener.stores.database import driver_of

# So many codes of one length may be taken before a longer one is tried.
TRIES_PER_LENGTH = 3
LENGTHS_TRIED = 5

# One row is answered, since to read a thousand takes longer than to make them.
_INSERT = f"""{PLACE_SQL}, created AS (
    INSERT INTO links (code, url, readable_url, title, expires_at, flag, has_warning, workspace_id)
    SELECT new.*, (SELECT workspace_id FROM writable)
    FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[], $9::boolean[]) AS new
    WHERE EXISTS (SELECT FROM writable)
    ON CONFLICT DO NOTHING RETURNING code
)
SELECT (SELECT role FROM place) AS role, (SELECT workspace_id FROM writable) AS workspace_id, now() AS created_at,
    (SELECT array_agg(code) FROM created) AS codes
"""

_INSERT_ONE = f"""{PLACE_SQL}, created AS (
    INSERT INTO links (code, url, readable_url, title, expires_at, flag, has_warning, workspace_id)
    SELECT $3, $4, $5, $6, $7, $8, $9, workspace_id FROM writable
    ON CONFLICT DO NOTHING
    RETURNING id, code, url, title, created_at, updated_at, expires_at, is_disabled, ban_id, flag, workspace_id
)
SELECT (SELECT role FROM place) AS role, created.* FROM (SELECT) AS answer LEFT JOIN created ON true
"""


class CodeTaken(Conflict):
    type, title = "code-taken", "Code taken"

    def __init__(self, code: str) -> None:
        super().__init__(f"The code {code} is taken.")


class NoFreeCode(ServiceUnavailable):
    def __init__(self) -> None:
        super().__init__("No free code was found. Try again.")


@dataclass(slots=True)
class NewLink:
    """A link that holds. `code` is None until one is generated, the last two until it is in the database."""

    code: str | None
    url: str
    title: str | None
    expires_at: datetime | None
    flag: str | None = None
    has_warning: bool = False
    created_at: datetime | None = None
    workspace_id: uuid.UUID | None = None


Outcome = NewLink | ShortenerError


def lengths_tried(length: int) -> Iterator[int]:
    """The length of each code that is tried for a link, until one is free."""
    for longer in range(LENGTHS_TRIED):
        for _ in range(TRIES_PER_LENGTH):
            yield length + longer


async def insert_one(
    connection: asyncpg.Connection, asker: Asker, workspace: uuid.UUID | None, new: NewLink, code_length: int
) -> Link:
    """Of many that want the same code at once exactly one succeeds: the unique index decides.

    Raises CodeTaken, NoFreeCode, UnknownWorkspace, InsufficientRole.
    """
    codes = (generate_code(length) for length in lengths_tried(code_length)) if new.code is None else [new.code]
    for code in codes:
        values = code, new.url, readable_url(new.url), new.title, new.expires_at, new.flag, new.has_warning
        row = dict(await connection.fetchrow(_INSERT_ONE, asker.user_id, workspace, *values))
        check_writable(asker, workspace, row.pop("role"))
        if row["id"] is not None:
            return Link(**row)
    raise NoFreeCode if new.code is None else CodeTaken(new.code)


async def insert_many(
    session: AsyncSession, asker: Asker, workspace: uuid.UUID | None, outcomes: list[Outcome], code_length: int
) -> None:
    """Insert, in the session's transaction, all that are links; one whose own code is taken becomes CodeTaken.

    Raises NoFreeCode, UnknownWorkspace, InsufficientRole.
    """
    own = _place_own_codes(outcomes)
    links = {code: new for code, n in own.items() if isinstance(new := outcomes[n], NewLink)}
    waiting = [new for new in outcomes if isinstance(new, NewLink) and new.code is None]
    for length in lengths_tried(code_length):
        waiting = _give_codes(waiting, links, length)
        if waiting:
            continue
        async with session.begin_nested() as savepoint:
            made = await _insert(await driver_of(await session.connection()), asker, workspace, links)
            check_writable(asker, workspace, made["role"])
            created: list[str] = made["codes"] or []
            taken = links.keys() - created
            waiting = [links.pop(code) for code in taken - own.keys()]
            if not waiting:
                for code in created:
                    new = links[code]
                    new.code, new.created_at, new.workspace_id = code, made["created_at"], made["workspace_id"]
                for code in taken:
                    outcomes[own[code]] = CodeTaken(code)
                return
            # All over again, since a second statement would take its codes out of order.
            await savepoint.rollback()
    raise NoFreeCode


def _place_own_codes(outcomes: list[Outcome]) -> dict[str, int]:
    """Where each chosen code is first asked for; whoever asks for it again has come too late."""
    places: dict[str, int] = {}
    for n, new in enumerate(outcomes):
        if isinstance(new, NewLink) and new.code is not None and places.setdefault(new.code, n) != n:
            outcomes[n] = CodeTaken(new.code)
    return places


def _give_codes(waiting: list[NewLink], links: dict[str, NewLink], length: int) -> list[NewLink]:
    """Those whose generated code another link of the request has."""
    codes = generate_codes(length, len(waiting))
    return [new for new, code in zip(waiting, codes, strict=True) if links.setdefault(code, new) is not new]


async def _insert(
    connection: asyncpg.Connection, asker: Asker, workspace: uuid.UUID | None, links: Mapping[str, NewLink]
) -> asyncpg.Record:
    """The role there, the workspace, the moment, which is the transaction's, and the codes of those that were created.

    In sorted order: of two requests with the same codes the one waits for the other, and never both.
    """
    codes = sorted(links)
    ordered = [links[code] for code in codes]
    return await connection.fetchrow(
        _INSERT,
        asker.user_id,
        workspace,
        codes,
        [new.url for new in ordered],
        [readable_url(new.url) for new in ordered],
        [new.title for new in ordered],
        [new.expires_at for new in ordered],
        [new.flag for new in ordered],
        [new.has_warning for new in ordered],
    )
