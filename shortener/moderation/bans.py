"""Bans: what admins forbid and allow again. A link is marked in the ban's transaction, all links of a user in short
transactions after it. After each commit the links are evicted from memory."""

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
from shortener.accounts.errors import UnknownUser
from shortener.audit.trail import Action, ban_subject, link_subject, record
from shortener.errors import Conflict, InvalidField, NotFound
from shortener.http.client_address import Networks
from shortener.http.pagination import Page, read_newest
from shortener.links.lookup import UnknownLink
from shortener.links.models import Link
from shortener.moderation.kinds import Kind
from shortener.moderation.models import Ban
from shortener.moderation.networks import read_network
from shortener.notifications.kinds import NotificationKind
from shortener.notifications.news import note
from shortener.screening.ban_list import BANS_CHANNEL, BanList
from shortener.screening.hosts import is_public_suffix, read_host
from shortener.stores.invalidations import report
from shortener.text import trim

log = structlog.get_logger(__name__)

# The owners of a workspace answer for its links: the links are banned if all owners are.
_FREE_OWNER = """
    SELECT FROM workspace_members AS owner JOIN users ON users.id = owner.user_id
    WHERE owner.workspace_id = links.workspace_id AND owner.role = 'owner' AND NOT EXISTS (
        SELECT FROM bans WHERE bans.kind = 'user' AND bans.value = users.email AND bans.lifted_at IS NULL
    )
"""
_OF_USER = "workspace_id IN (SELECT workspace_id FROM workspace_members WHERE user_id = :user_id AND role = 'owner')"
# A redirect of one of these links waits at most for one such statement.
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
# Includes links that the ban of another owner has marked.
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


_Code = aliased(Link)
# Called with the codes of changed links.
Evict = Callable[..., Awaitable[None]]


class InvalidBan(InvalidField):
    """Admins only: `value` is not a host, an address or a network."""

    type, title = "invalid-ban", "Invalid ban"

    def __init__(self, reason: str) -> None:
        super().__init__("/value", reason)


class PublicSuffixBan(InvalidField):
    """Admins only: the host is a public suffix, such as `co.uk`.

    Set `force` to ban it nevertheless.
    """

    type, title = "public-suffix", "A public suffix"

    def __init__(self, host: str) -> None:
        super().__init__(
            "/value",
            f"anybody can register names under {host}, and the ban would take down links to all of them; set "
            "`force` to ban it anyway",
        )


class AlreadyBanned(Conflict):
    """Admins only: the link, host, user or client is already banned.

    Lift that ban to give another reason.
    """

    type, title = "already-banned", "Already banned"

    def __init__(self) -> None:
        super().__init__("This is already banned. To change the reason, lift that ban first.")


class OwnBan(Conflict):
    """Admins only: you cannot ban or disable yourself, or ban your own address."""

    type, title = "own-ban", "Own ban"

    def __init__(self) -> None:
        super().__init__("Nobody can lock themselves out.")


class UnknownBan(NotFound):
    """Admins only: the ban does not exist, or was lifted."""

    type, title = "ban-not-found", "No such ban"

    def __init__(self) -> None:
        super().__init__("This ban does not exist, or was lifted.")


def read_value(kind: Kind, value: str) -> str:
    """The normal form of a value, in which bans are stored and compared. Raises InvalidBan."""
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
    """Creates, lists and lifts bans. `evict` is called with the codes of changed links. `stored_code` gives the form of
    a code in the database."""

    def __init__(
        self,
        redis: Redis,
        ban_list: BanList,
        revocations: Revocations,
        evict: Evict,
        stored_code: Callable[[str], str],
    ) -> None:
        self._redis = redis
        self._ban_list = ban_list
        self._revocations = revocations
        self._evict = evict
        self._stored_code = stored_code

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
        """The command line has neither an id nor an address. `force` allows to ban a public suffix. Raises InvalidBan,
        PublicSuffixBan, AlreadyBanned, OwnBan, UnknownLink, UnknownUser."""
        value = read_value(kind, value)
        if kind is Kind.HOST and not force and is_public_suffix(value):
            raise PublicSuffixBan(value)
        user: User | None = None
        async with session.begin():
            if kind is Kind.LINK:
                ban = await mark_link(session, self._stored_code(value), reason, admin_id)
            else:
                if kind is Kind.USER:
                    user = await self._disabled(session, value, admin_id)
                elif kind is Kind.CLIENT and admin_address and Networks([read_network(value)]).cover(admin_address):
                    raise OwnBan
                ban = await _insert(session, kind, value, reason, admin_id, user)
        log.info("banned", ban=ban.id, kind=kind, admin=admin_id)
        await self._tell(kind, ban.value, user)
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
                # If its owner is banned too, the link stays under that ban.
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
        """Rows of the ban and the emails of the admins who created and lifted it. Raises InvalidCursor."""
        statement = _with_admins().where(Ban.lifted_at.is_not(None) if is_lifted else Ban.lifted_at.is_(None))
        if kind is not None:
            statement = statement.where(Ban.kind == kind)
        name = f"bans:{kind}:{is_lifted}"
        return await read_newest(session, statement, Ban.id, name=name, limit=limit, cursor=cursor)

    async def get(self, session: AsyncSession, ban_id: int) -> Any:
        """A row like those of `list_bans`. Raises UnknownBan."""
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
        """Tell every process, this one first."""
        if kind is Kind.LINK:
            await self._evict(value)
        elif user is not None:
            await self._revocations.report(user_subject(user.id))
        elif kind is not Kind.USER:
            await self._ban_list.refresh()
            await report(self._redis, BANS_CHANNEL, kind)


async def mark_link(session: AsyncSession, code: str, reason: str, admin_id: int | None) -> Ban:
    """Ban a link, by its code or an alias, in the session's transaction; the caller evicts it after the commit. Raises
    UnknownLink, AlreadyBanned."""
    has_code = select(func.coalesce(_Code.alias_of, _Code.id)).where(_Code.code == code).scalar_subquery()
    link = await session.scalar(select(Link).where(Link.id == has_code, Link.deleted_at.is_(None)).with_for_update())
    if link is None:
        raise UnknownLink(code)
    ban = await _insert(session, Kind.LINK, link.code, reason, admin_id)
    link.ban_id, link.updated_at = ban.id, datetime.now(UTC)
    note(session, NotificationKind.BANNED, link.id, ban.id)
    return ban


async def complete_user_bans(session: AsyncSession, evict: Evict, since: datetime) -> None:
    """Finish the bans of users that were created or lifted since then: a process may have died half-way, or a link may
    have been created at the same moment."""
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
    """Mark the links of workspaces whose owners are all banned with this ban; with `ban_id=None`, unmark them."""
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
    """`user` is the banned user, if the ban is of a user. Raises AlreadyBanned."""
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
    """The target is the link or user; for a host or client it is the ban, which has the details."""
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
