"""What can be done with links. Each function is one short transaction; evicting follows the commit."""

import asyncio
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import Boolean, Row, Select, and_, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import Asker, InsufficientRole, check_writable
from shortener.access.models import Member, Role, Workspace
from shortener.access.principals import user_subject
from shortener.audit.trail import Action, link_subject, record, workspace_subject
from shortener.clicks.models import ClickTotal
from shortener.errors import Conflict, InvalidField, NotFound, ShortenerError
from shortener.event_loop.slices import gathered
from shortener.http.expiry import check_expiry
from shortener.links.idempotency import claim
from shortener.links.inserts import NewLink, Outcome, insert_many, insert_one
from shortener.links.models import Link
from shortener.links.readable import readable_url
from shortener.links.schemas import BulkCreate, LinkCreate, LinkFields, LinkUpdate
from shortener.redirect.cache import evict, evict_present
from shortener.screening.checks import ask_again
from shortener.screening.destinations import Destination, OwnHosts, read_destination
from shortener.screening.lookalikes import Flag
from shortener.screening.metrics import DESTINATIONS_REFUSED
from shortener.screening.policy import LinkPolicy
from shortener.stores.database import Database, driver_of

log = structlog.get_logger(__name__)

_DELETED_AT_ONCE = 1000
# A Redis that hangs does not hold up who changes a link: no memory trusts it for longer either.
EVICT_TIMEOUT_S = 1.0
# Columns whose field in a request has another name, or that follow from it.
_FIELDS = {"is_disabled": "disabled", "workspace_id": "workspace", "flag": "url", "has_warning": "url"}


class InvalidDestination(InvalidField):
    type, title = "invalid-destination", "Invalid destination"

    def __init__(self, reason: str) -> None:
        super().__init__("/url", reason)


class BannedLinkStays(Conflict):
    type, title = "banned-link-stays", "Banned link stays"

    def __init__(self) -> None:
        super().__init__("A banned link stays in its workspace until the ban is lifted.")


class UnknownLink(NotFound):
    type, title = "link-not-found", "No such link"

    def __init__(self, code: str) -> None:
        super().__init__(f"There is no link {code}.")


class LinkService:
    """Creates, changes and deletes links. `forget` is told what has changed: this process sees it at once."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        own: OwnHosts,
        policy: LinkPolicy,
        code_length: int,
        bulk_at_once: int,
        forget: Callable[[Iterable[str]], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._redis = redis
        self._own = own
        self._policy = policy
        self._code_length = code_length
        self._forget = forget
        # The pool's other connections are left to the requests of others.
        self._bulk_turns = asyncio.Semaphore(bulk_at_once)

    async def create(self, asker: Asker, request: LinkCreate) -> Link:
        """Raises CodeTaken, InvalidDestination, RefusedDestination, InvalidExpiry, UnknownWorkspace,
        InsufficientRole."""
        new = self._checked(request, asker.is_anonymous)
        # One statement, which is a transaction by itself: around it SQLAlchemy would take most of the time.
        async with self._database.driver_connection() as connection:
            link = await insert_one(connection, asker, request.workspace, new, self._code_length)
        await self.evict(link.code)
        return link

    async def create_once(
        self,
        session: AsyncSession,
        asker: Asker,
        request: LinkCreate,
        write: Callable[[Link], bytes],
        client: str,
        key: str,
    ) -> bytes:
        """Create and `write` the answer, or give what was written for this client's key, whatever has become of the
        link since. Raises also IdempotencyKeyReused."""
        fingerprint = hashlib.sha256(request.model_dump_json().encode()).digest()
        new = self._checked(request, asker.is_anonymous)
        async with session.begin():
            record, is_new = await claim(session, client, key, fingerprint)
            if not is_new:
                await lock_writable(session, asker, request.workspace)
                # Versions before have stored no answer.
                return record.answer or write(await session.get_one(Link, record.link_id))
            connection = await driver_of(await session.connection())
            link = await insert_one(connection, asker, request.workspace, new, self._code_length)
            record.link_id, record.answer = link.id, (answer := write(link))
        await self.evict(link.code)
        return answer

    async def create_many(self, session: AsyncSession, asker: Asker, request: BulkCreate) -> list[Outcome]:
        """What each link comes to, in order; one that is an error already stays it. In one transaction.
        Raises UnknownWorkspace, InsufficientRole."""
        items = await request.items()
        outcomes = await self._judged(items, asker.is_anonymous)
        async with self._bulk_turns, session.begin():
            await insert_many(session, asker, request.workspace, outcomes, self._code_length)
        await self._evict_new(items, outcomes)
        return outcomes

    async def create_many_once(
        self,
        session: AsyncSession,
        asker: Asker,
        request: BulkCreate,
        write: Callable[[Sequence[Outcome]], Awaitable[list[bytes]]],
        client: str,
        key: str,
        fingerprint: bytes,
    ) -> list[bytes]:
        """Create and `write` the answer, in pieces, or give what was written for this client's key.
        Raises IdempotencyKeyReused, UnknownWorkspace, InsufficientRole."""
        items = await request.items()
        outcomes = await self._judged(items, asker.is_anonymous)
        async with self._bulk_turns, session.begin():
            record, is_new = await claim(session, client, key, fingerprint)
            if not is_new:
                await lock_writable(session, asker, request.workspace)
                return [record.answer or b""]
            await insert_many(session, asker, request.workspace, outcomes, self._code_length)
            answer = await write(outcomes)
            record.answer = b"".join(answer)
        await self._evict_new(items, outcomes)
        return answer

    async def get(self, session: AsyncSession, asker: Asker, code: str) -> tuple[Link, int]:
        """A link of the asker's and its clicks. Raises UnknownLink, also when it is somebody else's."""
        async with session.begin():
            link, clicks, _ = await _read(session, _USABLE, asker, code)
        return link, clicks

    async def update(self, session: AsyncSession, asker: Asker, code: str, request: LinkUpdate) -> tuple[Link, int]:
        """Change what the request names; a request that changes nothing leaves no trace. Raises UnknownLink,
        InvalidDestination, RefusedDestination, InvalidExpiry, InsufficientRole, BannedLinkStays, and UnknownWorkspace
        for where it is moved to."""
        changes = self._checked_changes(request, asker.is_anonymous)
        async with session.begin():
            if "workspace_id" in changes:
                # Before the link, as who deletes the workspace locks them.
                await lock_writable(session, asker, changes["workspace_id"])
            link, clicks = await self._locked(session, asker, code)
            _check_move(link, changes.get("workspace_id", link.workspace_id))
            if "expires_at" in changes and asker.is_anonymous:
                changes["expires_at"] = self._policy.expiry(changes["expires_at"], link.created_at)
            if changes.get("url", link.url) != link.url:
                await ask_again(session, link.id)
            if changed := _change(link, changes):
                record(session, Action.LINK_CHANGED, link_subject(code), fields=changed)
        if changed:
            await self.evict(code)
        return link, clicks

    def _checked_changes(self, request: LinkUpdate, is_anonymous: bool) -> dict[str, Any]:
        """The values of columns that the request asks for."""
        changes = request.model_dump(exclude_unset=True)
        if "url" in changes:
            destination, flag = self._checked_destination(changes["url"], is_anonymous)
            has_warning = self._policy.warns(flag, is_anonymous)
            changes |= {"url": destination.url, "flag": flag, "has_warning": has_warning}
        if "expires_at" in changes:
            check_expiry(changes["expires_at"])
        if "title" in changes:
            changes["title"] = changes["title"] or None
        if "disabled" in changes:
            changes["is_disabled"] = changes.pop("disabled")
        if "workspace" in changes:
            changes["workspace_id"] = changes.pop("workspace")
        return changes

    async def delete(self, session: AsyncSession, asker: Asker, code: str) -> None:
        """Raises UnknownLink, InsufficientRole. Figures and the code stay; the code is not handed out again."""
        async with session.begin():
            link, _ = await self._locked(session, asker, code)
            link.deleted_at = link.updated_at = datetime.now(UTC)
            record(session, Action.LINK_DELETED, link_subject(code))
        await self.evict(code)

    async def delete_all(self, session: AsyncSession, workspace_id: uuid.UUID) -> None:
        """The links of a workspace, in many short transactions; what is created meanwhile may stay."""
        while True:
            async with session.begin():
                codes = await delete_some(session, workspace_id, _DELETED_AT_ONCE)
            await self.evict(*codes)
            if len(codes) < _DELETED_AT_ONCE:
                return

    async def _locked(self, session: AsyncSession, asker: Asker, code: str) -> tuple[Link, int]:
        link, clicks, role = await _read(session, _USABLE_LOCKED, asker, code)
        if role == Role.VIEWER:
            raise InsufficientRole(Role.EDITOR)
        return link, clicks

    async def _judged(self, requests: Sequence[LinkFields | ShortenerError], is_anonymous: bool) -> list[Outcome]:
        return await gathered(
            request if isinstance(request, ShortenerError) else self._judge(request, is_anonymous)
            for request in requests
        )

    def _judge(self, request: LinkFields, is_anonymous: bool) -> Outcome:
        try:
            return self._checked(request, is_anonymous)
        except ShortenerError as error:
            return error

    def _checked(self, request: LinkFields, is_anonymous: bool) -> NewLink:
        expires_at = request.expires_at
        check_expiry(expires_at)
        if is_anonymous:
            expires_at = self._policy.expiry(expires_at, datetime.now(UTC))
        destination, flag = self._checked_destination(request.url, is_anonymous)
        has_warning = self._policy.warns(flag, is_anonymous)
        return NewLink(request.code, destination.url, request.title or None, expires_at, flag, has_warning)

    def _checked_destination(self, url: str, is_anonymous: bool) -> tuple[Destination, Flag | None]:
        try:
            destination = read_destination(url, self._own)
        except ValueError as error:
            DESTINATIONS_REFUSED.labels("invalid").inc()
            raise InvalidDestination(str(error)) from None
        return destination, self._policy.check(destination.host, is_anonymous)

    async def _evict_new(self, requests: Sequence[LinkFields | ShortenerError], outcomes: Sequence[Outcome]) -> None:
        """Somebody may have asked for a code before there was a link."""
        chosen = {request.code for request in requests if isinstance(request, LinkFields) and request.code}
        new = [outcome.code for outcome in outcomes if isinstance(outcome, NewLink) and outcome.code]
        await self.evict(*chosen.intersection(new), generated=[code for code in new if code not in chosen])

    async def evict(self, *codes: str, generated: Sequence[str] = ()) -> None:
        """Links have changed: everybody is to forget them."""
        try:
            async with asyncio.timeout(EVICT_TIMEOUT_S):
                await evict(self._redis, codes)
                await evict_present(self._redis, generated)
        except (RedisError, OSError) as error:
            # The worker evicts again whatever has changed, as soon as Redis answers.
            log.warning("not_evicted", codes=codes[:10], error=repr(error))
        self._forget([*codes, *generated])


# The link, its clicks and the asker's role, by one statement: what is not theirs takes the way of what is not. To build
# it for each request would take a sixth of the request's time.
_USABLE = (
    select(Link, func.coalesce(ClickTotal.clicks, 0), Member.role)
    .outerjoin(ClickTotal, ClickTotal.link_id == Link.id)
    .outerjoin(Member, and_(Member.workspace_id == Link.workspace_id, Member.user_id == bindparam("user_id")))
    .where(
        Link.code == bindparam("code"),
        Link.deleted_at.is_(None),
        or_(
            Member.user_id.is_not(None),
            and_(Link.workspace_id.is_(None), bindparam("has_unowned", type_=Boolean)),
            bindparam("is_operator", type_=Boolean),
        ),
    )
)
_USABLE_LOCKED = _USABLE.with_for_update(of=Link)


async def _read(
    session: AsyncSession, statement: Select[Link, int, str | None], asker: Asker, code: str
) -> Row[Link, int, str | None]:
    """Raises UnknownLink."""
    row = (await session.execute(statement, {"code": code, **asker._asdict()})).one_or_none()
    if row is None:
        raise UnknownLink(code)
    return row


async def lock_writable(session: AsyncSession, asker: Asker, workspace: uuid.UUID | None) -> None:
    """The asker may create links there until the transaction ends. Raises UnknownWorkspace, InsufficientRole."""
    if workspace is None:
        # The personal one, or none: nobody can take it away.
        return
    role = await session.scalar(
        select(Member.role)
        .where(Member.workspace_id == workspace, Member.user_id == asker.user_id)
        .with_for_update(read=True, key_share=True)
    )
    check_writable(asker, workspace, role)


async def delete_some(session: AsyncSession, workspace_id: uuid.UUID, limit: int | None = None) -> list[str]:
    """Mark links of a workspace as deleted, in the session's transaction, the oldest first. Their codes are to be
    evicted once it is committed."""
    some = (
        select(Link.id)
        .where(Link.workspace_id == workspace_id, Link.deleted_at.is_(None))
        .order_by(Link.created_at, Link.id)
        .limit(limit)
        .with_for_update()
    )
    now = datetime.now(UTC)
    deleted = update(Link).where(Link.id.in_(some)).values(deleted_at=now, updated_at=now).returning(Link.code)
    codes = list(await session.scalars(deleted, execution_options={"synchronize_session": False}))
    if codes:
        record(session, Action.LINKS_DELETED, workspace_subject(workspace_id), links=len(codes))
    return codes


async def adopt_some(session: AsyncSession, user_id: int, limit: int) -> int:
    """Give links without owner to the user, who is locked, in the session's transaction; returns their number."""
    some = (
        select(Link.id)
        .where(Link.workspace_id.is_(None), Link.deleted_at.is_(None))
        .order_by(Link.workspace_id, Link.created_at, Link.id)
        .limit(limit)
        .with_for_update()
    )
    personal = select(Workspace.id).where(Workspace.personal_user_id == user_id).scalar_subquery()
    adopted = update(Link).where(Link.id.in_(some)).values(workspace_id=personal).returning(Link.id)
    count = len((await session.scalars(adopted, execution_options={"synchronize_session": False})).all())
    if count:
        record(session, Action.LINKS_ADOPTED, user_subject(user_id), links=count)
    return count


def _change(link: Link, changes: Mapping[str, Any]) -> list[str]:
    """Set these columns; returns the fields whose values are others than before."""
    changed = [name for name, value in changes.items() if getattr(link, name) != value]
    for name in changed:
        setattr(link, name, changes[name])
    if "url" in changed:
        link.readable_url = readable_url(link.url)
    if changed:
        link.updated_at = datetime.now(UTC)
    return sorted({_FIELDS.get(name, name) for name in changed})


def _check_move(link: Link, workspace: uuid.UUID | None) -> None:
    """Whoever lifts a ban finds the link where it was banned."""
    if link.ban_id is not None and workspace != link.workspace_id:
        raise BannedLinkStays
