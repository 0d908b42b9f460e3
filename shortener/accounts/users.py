"""Creates users, each with a personal workspace, in one transaction."""

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.models import Member, Role, User, Workspace
from shortener.access.principals import user_subject
from shortener.audit.trail import Action, record

PERSONAL_NAME = "Personal"


async def insert_user(
    session: AsyncSession, email: str, password_hash: str | None = None, *, is_admin: bool = False
) -> int | None:
    """The new user's id; None if the address has an account."""
    user_id = await session.scalar(
        insert(User)
        .values(email=email, password_hash=password_hash, is_admin=is_admin)
        .on_conflict_do_nothing()
        .returning(User.id)
    )
    await ensure_personal_workspace(session, email)
    if user_id is not None:
        record(session, Action.USER_CREATED, user_subject(user_id), admin=is_admin)
    return user_id


async def ensure_personal_workspace(session: AsyncSession, email: str) -> None:
    """Runs for existing users too, so that timing does not reveal whether an address is new. Users that the previous
    version created during an upgrade have none yet."""
    made = (
        insert(Workspace)
        .from_select(
            ["id", "name", "personal_user_id"],
            select(func.gen_random_uuid(), literal(PERSONAL_NAME), User.id).where(User.email == email),
        )
        .on_conflict_do_nothing()
        .returning(Workspace.id, Workspace.personal_user_id)
        .cte("made")
    )
    member = select(made.c.id, made.c.personal_user_id, func.gen_random_uuid(), literal(Role.OWNER.value))
    await session.execute(insert(Member).from_select(["workspace_id", "user_id", "id", "role"], member))
