"""Inserting many links with one statement, and what a code that is taken means for one of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.errors import Conflict, ServiceUnavailable, ShortenerError
from shortener.links.codes import generate_codes

# So many codes of one length may be taken before a longer one is tried.
TRIES_PER_LENGTH = 3
LENGTHS_TRIED = 5

_INSERT = text(
    "INSERT INTO links (code, url, title, expires_at) "
    "SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:urls AS text[]), CAST(:titles AS text[]), "
    "CAST(:expiries AS timestamptz[])) ON CONFLICT DO NOTHING RETURNING code, created_at"
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
    created_at: datetime | None = None


Outcome = NewLink | ShortenerError


def lengths_tried(length: int) -> Iterator[int]:
    """The length of each code that is tried for a link, until one is free."""
    for longer in range(LENGTHS_TRIED):
        for _ in range(TRIES_PER_LENGTH):
            yield length + longer


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
            created = await _insert(session, links)
            taken = links.keys() - created.keys()
            waiting = [links.pop(code) for code in taken - own.keys()]
            if not waiting:
                for code, created_at in created.items():
                    links[code].code, links[code].created_at = code, created_at
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


async def _insert(session: AsyncSession, links: Mapping[str, NewLink]) -> dict[str, datetime]:
    """When each was created; those whose code is taken are left out.

    In sorted order: of two requests with the same codes the one waits for the other, and never both.
    """
    ordered = sorted(links.items())
    rows = await session.execute(
        _INSERT,
        {
            "codes": [code for code, _ in ordered],
            "urls": [new.url for _, new in ordered],
            "titles": [new.title for _, new in ordered],
            "expiries": [new.expires_at for _, new in ordered],
        },
    )
    return {row.code: row.created_at for row in rows}
