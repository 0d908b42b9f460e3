"""Creating links, one or many. Each method is one short transaction; evicting follows the commit."""

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import Caller, writable
from shortener.errors import InvalidField, ShortenerError
from shortener.event_loop.slices import gathered
from shortener.hashing.passwords import PasswordHashes
from shortener.links.bulk_reuse import insert_or_reuse
from shortener.links.checks import LinkChecks
from shortener.links.codes import Codes
from shortener.links.eviction import Eviction
from shortener.links.idempotency import claim
from shortener.links.inserts import NewLink, Outcome, insert_one
from shortener.links.models import Link
from shortener.links.reuse import find_same, may_reuse
from shortener.links.schemas import BulkCreate, LinkCreate, LinkFields, LinkPut
from shortener.stores.database import Database, driver_in

# To hash a password takes a tenth of a second.
MAX_BULK_PASSWORDS = 20


class TooManyPasswords(InvalidField):
    """A bulk request has more than 20 links with a password.

    Send the other links in another request.
    """

    type, title = "too-many-passwords", "Too many passwords"

    def __init__(self) -> None:
        super().__init__("/password", f"a bulk request has at most {MAX_BULK_PASSWORDS} passwords")


class Created(NamedTuple):
    """A link and its clicks, and whether it was made just now."""

    link: Link
    clicks: int
    is_new: bool


class LinkCreation:
    """Creates links."""

    def __init__(
        self,
        database: Database,
        checks: LinkChecks,
        hashes: PasswordHashes,
        codes: Codes,
        evict: Eviction,
        bulk_at_once: int,
    ) -> None:
        self._database = database
        self._checks = checks
        self._hashes = hashes
        self._codes = codes
        self._evict = evict
        # The pool's other connections are left to the requests of others.
        self._bulk_turns = asyncio.Semaphore(bulk_at_once)

    async def create_or_reuse(self, session: AsyncSession, caller: Caller, request: LinkCreate) -> Created:
        """As `create`; where the request wants that, a link that is there takes the place of a new one."""
        new = await self._hashed(self._checks.new_link(request, caller.is_anonymous))
        if not may_reuse(caller, request.workspace, new):
            return Created(await self._create(caller, request.workspace, new), 0, True)
        async with session.begin():
            created = await self._reused_or_made(session, caller, request, new)
        if created.is_new:
            await self._evict(created.link.code)
        return created

    async def create(self, caller: Caller, request: LinkPut) -> Link:
        """Raises CodeTaken, UnknownWorkspace, InsufficientRole, and what `LinkChecks.new_link` raises."""
        new = await self._hashed(self._checks.new_link(request, caller.is_anonymous))
        return await self._create(caller, request.workspace, new)

    async def _create(self, caller: Caller, workspace: uuid.UUID | None, new: NewLink) -> Link:
        # One statement, which is a transaction by itself unless there are tags: around it SQLAlchemy would take most of
        # the time.
        async with self._database.driver_connection() as connection, _transaction_if(new.tags, connection):
            link = await insert_one(connection, caller, workspace, new, self._codes, self._checks.directory)
        await self._evict(link.code)
        return link

    async def create_once(
        self,
        session: AsyncSession,
        caller: Caller,
        request: LinkCreate,
        write: Callable[[Link, int], bytes],
        client: str,
        key: str,
    ) -> tuple[bytes, bool]:
        """As `create_or_reuse`, and `write` the answer; or give what was written for this client's key, whatever has
        become of the link since. And whether the link is new. Raises also IdempotencyKeyReused."""
        # Without the password, which could be found by its hash. Versions before knew no `reuse`.
        left_out = {"password"} if request.reuse else {"password", "reuse"}
        fingerprint = hashlib.sha256(request.model_dump_json(exclude=left_out).encode()).digest()
        new = await self._hashed(self._checks.new_link(request, caller.is_anonymous))
        async with session.begin():
            record, is_new = await claim(session, client, key, fingerprint)
            if not is_new:
                await lock_writable(session, caller, request.workspace)
                # Versions before have stored no answer.
                answer = record.answer or write(await session.get_one(Link, record.link_id), 0)
                return answer, not request.reuse
            link, clicks, is_new = await self._reused_or_made(session, caller, request, new)
            record.link_id, record.answer = link.id, (answer := write(link, clicks))
        if is_new:
            await self._evict(link.code)
        return answer, is_new

    async def _reused_or_made(
        self, session: AsyncSession, caller: Caller, request: LinkCreate, new: NewLink
    ) -> Created:
        """In the session's transaction."""
        if may_reuse(caller, request.workspace, new):
            same = await find_same(session, caller, request.workspace, new, self._checks.directory)
            if same is not None:
                return Created(*same, is_new=False)
        link = await insert_one(
            await driver_in(session), caller, request.workspace, new, self._codes, self._checks.directory
        )
        return Created(link, 0, is_new=True)

    async def create_many(self, session: AsyncSession, caller: Caller, request: BulkCreate) -> list[Outcome]:
        """What each link comes to, in order; one that is an error already stays it. In one transaction.
        Raises UnknownWorkspace, InsufficientRole."""
        items = await request.items()
        outcomes = await self._judged(items, caller.is_anonymous)
        async with self._bulk_turns, session.begin() as transaction:
            await insert_or_reuse(session, caller, request.workspace, outcomes, self._codes, self._checks.directory)
            if request.dry_run:
                await transaction.rollback()
                _forget_generated(outcomes)
        if not request.dry_run:
            await self._evict_new(outcomes)
        return outcomes

    async def create_many_once(
        self,
        session: AsyncSession,
        caller: Caller,
        request: BulkCreate,
        write: Callable[[Sequence[Outcome]], Awaitable[list[bytes]]],
        client: str,
        key: str,
        fingerprint: bytes,
    ) -> list[bytes]:
        """Create and `write` the answer, in pieces, or give what was written for this client's key.
        Raises IdempotencyKeyReused, UnknownWorkspace, InsufficientRole."""
        items = await request.items()
        outcomes = await self._judged(items, caller.is_anonymous)
        async with self._bulk_turns, session.begin():
            record, is_new = await claim(session, client, key, fingerprint)
            if not is_new:
                await lock_writable(session, caller, request.workspace)
                return [record.answer or b""]
            await insert_or_reuse(session, caller, request.workspace, outcomes, self._codes, self._checks.directory)
            answer = await write(outcomes)
            record.answer = b"".join(answer)
        await self._evict_new(outcomes)
        return answer

    async def _hashed(self, new: NewLink) -> NewLink:
        if new.password is not None:
            new.password_hash = await self._hashes.hash(new.password)
        return new

    async def _judged(self, requests: Sequence[LinkFields | ShortenerError], is_anonymous: bool) -> list[Outcome]:
        outcomes = await gathered(
            request if isinstance(request, ShortenerError) else self._judge(request, is_anonymous)
            for request in requests
        )
        passwords = 0
        for n, new in enumerate(outcomes):
            if isinstance(new, NewLink) and new.password is not None:
                passwords += 1
                outcomes[n] = await self._hashed(new) if passwords <= MAX_BULK_PASSWORDS else TooManyPasswords()
        return outcomes

    def _judge(self, request: LinkFields, is_anonymous: bool) -> Outcome:
        try:
            return self._checks.new_link(request, is_anonymous)
        except ShortenerError as error:
            return error

    async def _evict_new(self, outcomes: Sequence[Outcome]) -> None:
        """Somebody may have asked for a code before there was a link."""
        new = [outcome for outcome in outcomes if isinstance(outcome, NewLink)]
        chosen = [link.code for link in new if link.code and link.is_chosen]
        await self._evict(*chosen, generated=[link.code for link in new if link.code and not link.is_chosen])


def _forget_generated(outcomes: Sequence[Outcome]) -> None:
    """What was generated for links that were not made after all: the next request gets others."""
    for new in outcomes:
        if isinstance(new, NewLink):
            new.id = None
            new.code = new.code if new.is_chosen else None


async def lock_writable(session: AsyncSession, caller: Caller, workspace: uuid.UUID | None) -> None:
    """The caller may create links there until the transaction ends. Raises UnknownWorkspace, InsufficientRole."""
    # None is the personal one, or none: nobody can take it away.
    if workspace is not None:
        await writable(await driver_in(session), caller, workspace)


def _transaction_if(
    is_needed: object, connection: asyncpg.Connection
) -> contextlib.AbstractAsyncContextManager[object]:
    return connection.transaction() if is_needed else contextlib.nullcontext()
