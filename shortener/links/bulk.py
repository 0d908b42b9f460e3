"""Inserting links, one or many with one statement, and what a code that is taken means."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.errors import Conflict, ServiceUnavailable, ShortenerError
from shortener.links.codes import generate_code, generate_codes
from shortener.links.models import Link

# So many codes of one length may be taken before a longer one is tried.
TRIES_PER_LENGTH = 3
LENGTHS_TRIED = 5

# One row is answered, since to read a thousand takes longer than to make them.
_INSERT = text(
    "WITH created AS (INSERT INTO links (code, url, title, expires_at, flag, has_warning) "
    "SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:urls AS text[]), CAST(:titles AS text[]), "
    "CAST(:expiries AS timestamptz[]), CAST(:flags AS text[]), CAST(:warnings AS boolean[])) "
    "ON CONFLICT DO NOTHING RETURNING code) "
    "SELECT now(), array_agg(code) FROM created"
)

_INSERT_ONE = (
    "INSERT INTO links (code, url, title, expires_at, flag, has_warning) VALUES ($1, $2, $3, $4, $5, $6) "
    "ON CONFLICT DO NOTHING "
    "RETURNING id, code, url, title, created_at, updated_at, expires_at, is_disabled, ban_id, flag"
)


class CodeTaken(Conflict):
    type, title = "code-taken", "Code taken"

    def __init__(self, code: str) -> None:
        super().__init__(f"The code {code} is taken.")


class NoFreeCode(ServiceUnavailable):
    def __init__(self) -> None:
        super().__init__("No free code was found. Try again.")


@dataclass(slots=True)
class NewLink:
    """A link that holds. `code` is None until one is generated, `created_at` until it is in the database."""

    code: str | None
    url: str
    title: str | None
    expires_at: datetime | None
    flag: str | None = None
    has_warning: bool = False
    created_at: datetime | None = None


Outcome = NewLink | ShortenerError


def lengths_tried(length: int) -> Iterator[int]:
    """The length of each code that is tried for a link, until one is free."""
    for longer in range(LENGTHS_TRIED):
        for _ in range(TRIES_PER_LENGTH):
            yield length + longer


async def insert_one(connection: asyncpg.Connection, new: NewLink, code_length: int) -> Link:
    """Of many that want the same code at once exactly one succeeds: the unique index decides.

    Raises CodeTaken, NoFreeCode.
    """
    codes = (generate_code(length) for length in lengths_tried(code_length)) if new.code is None else [new.code]
    for code in codes:
        row = await connection.fetchrow(
            _INSERT_ONE, code, new.url, new.title, new.expires_at, new.flag, new.has_warning
        )
        if row is not None:
            return Link(**row)
    raise NoFreeCode if new.code is None else CodeTaken(new.code)


async def insert_many(session: AsyncSession, outcomes: list[Outcome], code_length: int) -> None:
    """Insert, in the session's transaction, all that are links; one whose own code is taken becomes CodeTaken.

    Raises NoFreeCode.
    """
    own = _place_own_codes(outcomes)
    links = {code: new for code, n in own.items() if isinstance(new := outcomes[n], NewLink)}
    waiting = [new for new in outcomes if isinstance(new, NewLink) and new.code is None]
    for length in lengths_tried(code_length):
        waiting = _give_codes(waiting, links, length)
        if waiting:
            continue
        async with session.begin_nested() as savepoint:
            created_at, created = await _insert(session, links)
            taken = links.keys() - created
            waiting = [links.pop(code) for code in taken - own.keys()]
            if not waiting:
                for code in created:
                    new = links[code]
                    new.code, new.created_at = code, created_at
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


async def _insert(session: AsyncSession, links: Mapping[str, NewLink]) -> tuple[datetime, list[str]]:
    """The moment, which is the transaction's, and the codes of those that were created.

    In sorted order: of two requests with the same codes the one waits for the other, and never both.
    """
    codes = sorted(links)
    ordered = [links[code] for code in codes]
    rows = await session.execute(
        _INSERT,
        {
            "codes": codes,
            "urls": [new.url for new in ordered],
            "titles": [new.title for new in ordered],
            "expiries": [new.expires_at for new in ordered],
            "flags": [new.flag for new in ordered],
            "warnings": [new.has_warning for new in ordered],
        },
    )
    created_at, created = rows.one()
    return created_at, created or []
