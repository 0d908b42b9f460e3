"""Administration of users."""

import structlog
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.models import User
from shortener.access.principals import user_subject
from shortener.access.revocation import Revocations
from shortener.accounts.errors import UnknownUser
from shortener.audit.trail import Action, record
from shortener.errors import Conflict
from shortener.http.pagination import Page, like_pattern, read_newest
from shortener.moderation.bans import OwnBan
from shortener.moderation.kinds import Kind
from shortener.moderation.models import Ban

log = structlog.get_logger(__name__)


class UserBanned(Conflict):
    """Admins only: a banned user cannot be enabled.

    Lift the ban.
    """

    type, title = "user-banned", "User banned"

    def __init__(self) -> None:
        super().__init__("This user is banned. Lift the ban to enable them.")


async def list_users(session: AsyncSession, q: str | None, limit: int, cursor: str | None) -> Page:
    """Raises InvalidCursor."""
    statement = select(User)
    if q:
        statement = statement.where(User.email.like(like_pattern(q.lower())))
    return await read_newest(session, statement, User.id, name="users", limit=limit, cursor=cursor)


async def get_user(session: AsyncSession, statement: Select[User]) -> User:
    """Raises UnknownUser."""
    user = await session.scalar(statement)
    if user is None:
        raise UnknownUser("This user does not exist.")
    return user


async def check_not_banned(session: AsyncSession, user: User) -> None:
    """Raises UserBanned."""
    of_user = select(Ban.id).where(Ban.kind == Kind.USER, Ban.value == user.email, Ban.lifted_at.is_(None))
    if await session.scalar(of_user) is not None:
        raise UserBanned


async def set_disabled(
    session: AsyncSession, revocations: Revocations, user_id: int, is_disabled: bool, admin_id: int | None = None
) -> User:
    """Every process follows within a second. The command line has no admin.
    Raises UnknownUser, UserBanned, OwnBan."""
    if user_id == admin_id:
        raise OwnBan
    async with session.begin():
        user = await get_user(session, select(User).where(User.id == user_id).with_for_update())
        if not is_disabled:
            await check_not_banned(session, user)
        if user.is_disabled is is_disabled:
            return user
        user.is_disabled = is_disabled
        record(session, Action.USER_DISABLED if is_disabled else Action.USER_ENABLED, user_subject(user_id))
    log.info("user_changed", user=user_id, disabled=is_disabled, admin=admin_id)
    await revocations.report(user_subject(user_id))
    return user
