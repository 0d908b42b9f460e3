"""Making users: every one is made here, in one transaction with what belongs to them."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.accounts.models import User


async def insert_user(
    session: AsyncSession, email: str, password_hash: str | None = None, *, is_admin: bool = False
) -> int | None:
    """The new user's id; None where there is one of this address."""
    new = insert(User).values(email=email, password_hash=password_hash, is_admin=is_admin)
    return await session.scalar(new.on_conflict_do_nothing().returning(User.id))
