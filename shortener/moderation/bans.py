"""What admins forbid, and allow again. What a ban means for links is done in the same transaction, or, for all links of
a user, in short ones behind it; who has them in memory is told after each."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from redis.asyncio import Redis
from sqlalchemy import Select, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from shortener.access.models import User
from shortener.access.principals import user_subject
from shortener.access.revocation import Revocations
from shortener.accounts.service import UnknownUser
from shortener.audit.trail import Action, ban_subject, link_subject, record
from shortener.errors import Conflict, InvalidField, NotFound
from shortener.http.client_address import Networks
from shortener.http.pagination import Page, read_newest
from shortener.links.models import Link
from shortener.links.service import UnknownLink
from shortener.moderation.models import Ban, Kind
from shortener.moderation.networks import read_network
from shortener.screening.ban_list import BANS_CHANNEL, BanList
from shortener.screening.hosts import is_public_suffix, read_host
from shortener.stores.invalidations import report
from shortener.text import trim

log = structlog.get_logger(__name__)

# Who answers for the links of a workspace: its owners. All of its links are banned when all of those are.
_FREE_OWNER = """
    SELECT FROM workspace_members AS owner JOIN users ON users.id = owner.user_id
    WHERE owner.workspace_id = links.workspace_id AND owner.role = 'owner' AND NOT EXISTS (
        SELECT FROM bans WHERE bans.kind = 'user' AND bans.value = users.email AND bans.lifted_at IS NULL
    )
"""
_OF_USER = "workspace_id IN (SELECT workspace_id FROM workspace_members WHERE user_id = :user_id AND role = 'owner')"
# Who follows one of these links waits for no longer than such a statement takes.
_LINKS_AT_ONCE = 1000
_MARK_LINKS = f"""
    UPDATE links SET ban_id = :ban_id, updated_at = now()
    WHERE id IN (
        SELECT id FROM links
        WHERE {_OF_USER} AND NOT EXISTS ({_FREE_OWNER}) AND ban_id IS NULL AND deleted_at IS NULL
        ORDER BY id LIMIT :limit FOR UPDATE
    )
    RETURNING code
"""  # noqa: S608  (no part of it comes from outside)
# Also of those that were banned with the other owners.
_UNMARK_LINKS = f"""
    UPDATE links SET ban_id = NULL, updated_at = now()
    WHERE id IN (
        SELECT id FROM links
        WHERE {_OF_USER} AND EXISTS ({_FREE_OWNER}) AND deleted_at IS NULL
            AND ban_id IN (SELECT id FROM bans WHERE kind = 'user')
        ORDER BY id LIMIT :limit FOR UPDATE
    )
    RETURNING code
"""  # noqa: S608
_UNMARK_LINK = f"""
    UPDATE links SET updated_at = now(), ban_id = (
        SELECT min(bans.id) FROM workspace_members AS member JOIN users ON users.id = member.user_id
        JOIN bans ON bans.kind = 'user' AND bans.value = users.email AND bans.lifted_at IS NULL
        WHERE member.workspace_id = links.workspace_id AND member.role = 'owner' AND NOT EXISTS ({_FREE_OWNER})
    )
    WHERE code = :code AND ban_id = :ban_id
"""  # noqa: S608


# Told codes of links that have changed.
Evict = Callable[..., Awaitable[None]]


class InvalidBan(InvalidField):
    type, title = "invalid-ban", "Invalid ban"

    def __init__(self, reason: str) -> None:
        super().__init__("/value", reason)


class PublicSuffixBan(InvalidField):
    type, title = "public-suffix", "A public suffix"

    def __init__(self, host: str) -> None:
        super().__init__(
            "/value",
            f"anybody can register names under {host}, and the ban would take down the links to all of them; set "
            "`force` to ban it all the same",
        )


class AlreadyBanned(Conflict):
    type, title = "already-banned", "Already banned"

    def __init__(self) -> None:
        super().__init__("This is banned already. Lift that ban to give another reason.")


class OwnBan(Conflict):
    type, title = "own-ban", "Own ban"

    def __init__(self) -> None:
        super().__init__("Nobody can lock themselves out.")


class UnknownBan(NotFound):
    type, title = "ban-not-found", "No such ban"

    def __init__(self) -> None:
        super().__init__("There is no such ban, or it was lifted.")


def read_value(kind: Kind, value: str) -> str:
    """What is to be banned, in the one form in which it is kept and compared. Raises InvalidBan."""
    try:
        match kind:
            case Kind.HOST:
                return read_host(value)
            case Kind.CLIENT:
                return str(read_network(value))
            case Kind.USER:
                return trim(value).lower()
            case Kind.LINK:
                return trim(value)
    except ValueError as error:
        raise InvalidBan(str(error)) from None


class BanService:
    """Bans, lists bans and lifts them. `evict` is told the codes of links that have changed."""

    def __init__(self, redis: Redis, ban_list: BanList, revocations: Revocations, evict: Evict) -> None:
        self._redis = redis
        self._ban_list = ban_list
        self._revocations = revocations
        self._evict = evict

    async def ban(
        self,
        session: AsyncSession,
        kind: Kind,
        value: str,
        reason: str,
        admin_id: int | None = None,
        admin_address: str | None = None,
        force: bool = False,
    ) -> Ban:
        """The command line has no id and no address. With `force` a public suffix can be banned. Raises InvalidBan,
        PublicSuffixBan, AlreadyBanned, OwnBan, UnknownLink, UnknownUser."""
        value = read_value(kind, value)
        if kind is Kind.HOST and not force and is_public_suffix(value):
            raise PublicSuffixBan(value)
        user: User | None = None
        async with session.begin():
            if kind is Kind.LINK:
                ban = await mark_link(session, value, reason, admin_id)
            else:
                if kind is Kind.USER:
                    user = await self._disabled(session, value, admin_id)
                elif kind is Kind.CLIENT and admin_address and Networks([read_network(value)]).cover(admin_address):
                    raise OwnBan
                ban = await _insert(session, kind, value, reason, admin_id, user)
        log.info("banned", ban=ban.id, kind=kind, admin=admin_id)
        await self._tell(kind, value, user)
        if user is not None:
            await _mark_links_of(session, self._evict, user.id, ban.id)
        return ban

    async def lift(self, session: AsyncSession, ban_id: int, admin_id: int | None = None) -> None:
        """Raises UnknownBan."""
        user: User | None = None
        async with session.begin():
            ban = await session.scalar(
                update(Ban)
                .where(Ban.id == ban_id, Ban.lifted_at.is_(None))
                .values(lifted_at=func.now(), lifted_by=admin_id)
                .returning(Ban)
            )
            if ban is None:
                raise UnknownBan
            kind = Kind(ban.kind)
            if kind is Kind.LINK:
                # Where its owner is banned too, it is left under that ban.
                await session.execute(text(_UNMARK_LINK), {"code": ban.value, "ban_id": ban.id})
            elif kind is Kind.USER:
                user = await session.scalar(
                    update(User).where(User.email == ban.value).values(is_disabled=False).returning(User)
                )
            _record(session, Action.BAN_LIFTED, ban, user)
        log.info("ban_lifted", ban=ban_id, kind=kind, admin=admin_id)
        await self._tell(kind, ban.value, user)
        if user is not None:
            await _mark_links_of(session, self._evict, user.id, None)

    async def list_bans(
        self, session: AsyncSession, kind: Kind | None, is_lifted: bool, limit: int, cursor: str | None
    ) -> Page:
        """Rows of the ban and the emails of who has made and lifted it. Raises InvalidCursor."""
        statement = _with_admins().where(Ban.lifted_at.is_not(None) if is_lifted else Ban.lifted_at.is_(None))
        if kind is not None:
            statement = statement.where(Ban.kind == kind)
        name = f"bans:{kind}:{is_lifted}"
        return await read_newest(session, statement, Ban.id, name=name, limit=limit, cursor=cursor)

    async def get(self, session: AsyncSession, ban_id: int) -> Any:
        """A row as of `list_bans`. Raises UnknownBan."""
        row = (await session.execute(_with_admins().where(Ban.id == ban_id))).one_or_none()
        if row is None:
            raise UnknownBan
        return row

    async def _disabled(self, session: AsyncSession, email: str, admin_id: int | None) -> User:
        user = await session.scalar(select(User).where(User.email == email).with_for_update())
        if user is None:
            raise UnknownUser(f"There is no user {email}.")
        if user.id == admin_id:
            raise OwnBan
        user.is_disabled = True
        return user

    async def _tell(self, kind: Kind, value: str, user: User | None) -> None:
        """Every process, this one first."""
        if kind is Kind.LINK:
            await self._evict(value)
        elif user is not None:
            await self._revocations.report(user_subject(user.id))
        elif kind is not Kind.USER:
            await self._ban_list.refresh()
            await report(self._redis, BANS_CHANNEL, kind)


async def mark_link(session: AsyncSession, code: str, reason: str, admin_id: int | None) -> Ban:
    """Ban a link in the session's transaction; it is to be evicted when that is committed.
    Raises UnknownLink, AlreadyBanned."""
    link = await session.scalar(select(Link).where(Link.code == code, Link.deleted_at.is_(None)).with_for_update())
    if link is None:
        raise UnknownLink(code)
    ban = await _insert(session, Kind.LINK, code, reason, admin_id)
    link.ban_id, link.updated_at = ban.id, datetime.now(UTC)
    return ban


async def complete_user_bans(session: AsyncSession, evict: Evict, since: datetime) -> None:
    """Do what the bans of users since then, and their ends, have left undone: a process may have died over them, or
    a link have been made at the same moment."""
    async with session.begin():
        recent = (
            await session.execute(
                select(Ban.id, Ban.lifted_at, User.id)
                .join(User, User.email == Ban.value)
                .where(Ban.kind == Kind.USER, func.coalesce(Ban.lifted_at, Ban.created_at) > since)
                .order_by(Ban.id)
            )
        ).all()
    for ban_id, lifted_at, user_id in recent:
        await _mark_links_of(session, evict, user_id, ban_id if lifted_at is None else None)


async def _mark_links_of(session: AsyncSession, evict: Evict, user_id: int, ban_id: int | None) -> None:
    """Give the links that the user, or none but banned ones with them, answers for this ban, or (None) no more any."""
    values = {"user_id": user_id, "limit": _LINKS_AT_ONCE}
    statement = text(_UNMARK_LINKS) if ban_id is None else text(_MARK_LINKS).bindparams(ban_id=ban_id)
    while True:
        async with session.begin():
            codes = list(await session.scalars(statement, values))
        await evict(*codes)
        if len(codes) < _LINKS_AT_ONCE:
            return


async def _insert(
    session: AsyncSession, kind: Kind, value: str, reason: str, admin_id: int | None, user: User | None = None
) -> Ban:
    """`user` is who is banned, if it is a user. Raises AlreadyBanned."""
    ban: Ban | None = await session.scalar(
        insert(Ban)
        .values(kind=kind, value=value, reason=reason, created_by=admin_id)
        .on_conflict_do_nothing()
        .returning(Ban)
    )
    if ban is None:
        raise AlreadyBanned
    _record(session, Action.BAN_CREATED, ban, user)
    return ban


def _record(session: AsyncSession, action: Action, ban: Ban, user: User | None) -> None:
    """With the link or the user as target; of a host or client only the ban, which says the rest."""
    ban_itself = target = ban_subject(ban.id)
    if ban.kind == Kind.LINK:
        target = link_subject(ban.value)
    elif user is not None:
        target = user_subject(user.id)
    record(session, action, target, ban=ban_itself, kind=ban.kind)


def _with_admins() -> Select[*tuple[Any, ...]]:
    maker, lifter = aliased(User), aliased(User)
    return (
        select(Ban, maker.email.label("created_by_email"), lifter.email.label("lifted_by_email"))
        .outerjoin(maker, maker.id == Ban.created_by)
        .outerjoin(lifter, lifter.id == Ban.lifted_by)
    )
