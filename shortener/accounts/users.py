"""Making users: every one is made here, in one transaction with what belongs to them."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.accounts.models import User
from shortener.accounts.principals import user_subject
from shortener.audit.trail import Action, record


async def insert_user(
    session: AsyncSession, email: str, password_hash: str | None = None, *, is_admin: bool = False
) -> int | None:
    """The new user's id; None where there is one of this address."""
    new = insert(User).values(email=email, password_hash=password_hash, is_admin=is_admin)
    user_id = await session.scalar(new.on_conflict_do_nothing().returning(User.id))
    if user_id is not None:
        record(session, Action.USER_CREATED, user_subject(user_id), admin=is_admin)
    return user_id
