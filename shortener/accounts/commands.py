"""Commands for accounts: the same services as the API, directly on the database."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.models import ApiKey, User, Workspace
from shortener.access.parts import REVOCATIONS, open_revocations
from shortener.access.principals import Principal, user_subject
from shortener.access.schemas import Email
from shortener.access.scopes import Scope, scopes_of_user
from shortener.accounts.errors import UnknownUser
from shortener.accounts.parts import KEYS, PASSWORDS, open_keys, open_passwords
from shortener.accounts.schemas import KeyList, KeyName
from shortener.accounts.service import replace_password
from shortener.accounts.users import ensure_personal_workspace, insert_user
from shortener.errors import Conflict, Unprocessable
from shortener.http.problems import invalid_request
from shortener.links.mass import adopt_some
from shortener.parts import Parts, opened
from shortener.processes.command_line import command_parts, command_session
from shortener.settings import Settings

FIRST_ADMIN = "admin@localhost"
_ADOPTED_AT_ONCE = 1000

_email = TypeAdapter[str](Email)
_key_name = TypeAdapter[str](KeyName)


class EmailTaken(Conflict):
    """Command line only: a user with this address exists."""

    type, title = "email-taken", "Email taken"


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Parts, AsyncSession]]:
    async with command_parts(settings, open_revocations, open_keys) as parts, command_session(parts) as session:
        yield parts, session


def read_email(text: str) -> str:
    """Raises Unprocessable."""
    try:
        return _email.validate_python(text)
    except ValidationError:
        raise Unprocessable(f"{text} is not an email address. Use a form such as ada@example.com.") from None


def read_key_name(text: str) -> str:
    """Raises Unprocessable."""
    try:
        return _key_name.validate_python(text)
    except ValidationError as error:
        raise invalid_request({**fault, "loc": ("body", "name")} for fault in error.errors()) from None


async def create_user(settings: Settings, email: str, password: str | None, is_admin: bool) -> None:
    """A user without a password can have keys but cannot log in. Raises EmailTaken, WeakPassword."""
    email = read_email(email)
    password_hash = None if password is None else await _hashed(settings, password, email)
    async with _opened(settings) as (_, session), session.begin():
        if await insert_user(session, email, password_hash, is_admin=is_admin) is None:
            raise EmailTaken(f"The user {email} already exists.")


async def list_users(settings: Settings) -> dict[str, Any]:
    """Users by their addresses, each with the id of the personal workspace and the number of keys."""
    keys = select(func.count()).where(ApiKey.user_id == User.id, ApiKey.revoked_at.is_(None)).scalar_subquery()
    found = select(User, Workspace.id, keys).outerjoin(Workspace, Workspace.personal_user_id == User.id)
    async with _opened(settings) as (_, session):
        items = [
            {
                "id": user.id,
                "email": user.email,
                "is_admin": user.is_admin,
                "disabled": user.is_disabled,
                "created_at": user.created_at.isoformat(),
                "workspace": workspace and str(workspace),
                "keys": count,
            }
            for user, workspace, count in await session.execute(found.order_by(User.email))
        ]
    return {"items": items}


async def adopt_links(settings: Settings, email: str) -> int:
    """Put all links without an owner into the user's personal workspace; returns their number. Raises UnknownUser."""
    adopted = 0
    async with _opened(settings) as (_, session):
        while True:
            async with session.begin():
                user = await find_user(session, email)
                await ensure_personal_workspace(session, user.email)
                count = await adopt_some(session, user.id, _ADOPTED_AT_ONCE)
            adopted += count
            if count < _ADOPTED_AT_ONCE:
                return adopted


async def reset_password(settings: Settings, email: str, password: str) -> None:
    """All sessions end; keys stay. Raises UnknownUser, WeakPassword."""
    password_hash = await _hashed(settings, password, read_email(email))
    async with _opened(settings) as (parts, session):
        async with session.begin():
            user = await find_user(session, email)
            await replace_password(session, user, password_hash)
        await parts[REVOCATIONS].report(user_subject(user.id))


async def create_key(
    settings: Settings,
    email: str,
    name: str,
    scopes: Sequence[Scope],
    days: int | None,
    requests_per_minute: int | None,
) -> str:
    """The key, which is shown only now. Without `scopes` it gets all of its user's. Raises ShortenerError."""
    name = read_key_name(name)
    async with _opened(settings) as (parts, session):
        async with session.begin():
            user = await find_user(session, email)
        held = scopes_of_user(user.is_admin)
        _, key = await parts[KEYS].create(
            session,
            Principal(user.id, held),
            name,
            scopes or held,
            expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
            requests_per_minute=requests_per_minute,
        )
    return key


async def list_keys(settings: Settings, email: str) -> dict[str, Any]:
    """Raises UnknownUser."""
    async with _opened(settings) as (parts, session):
        async with session.begin():
            user = await find_user(session, email)
        keys = await parts[KEYS].of_user(session, user.id)
    return KeyList.model_validate({"items": keys}, from_attributes=True).model_dump(mode="json")


async def revoke_key(settings: Settings, key_id: uuid.UUID) -> None:
    """Raises UnknownKey."""
    async with _opened(settings) as (parts, session):
        await parts[KEYS].revoke(session, key_id)


async def first_admin_key(settings: Settings) -> str | None:
    """Create an admin without a password, and a key for them, in a database without users; otherwise None."""
    async with _opened(settings) as (parts, session):
        async with session.begin():
            if await session.scalar(select(User.id).limit(1)) is not None:
                return None
            # Another machine may start at the same time: one of them creates the admin.
            user_id = await insert_user(session, FIRST_ADMIN, is_admin=True)
        if user_id is None:
            return None
        held = scopes_of_user(is_admin=True)
        _, key = await parts[KEYS].create(session, Principal(user_id, held), "first admin", held)
    return key


async def find_user(session: AsyncSession, email: str) -> User:
    user = await session.scalar(select(User).where(User.email == read_email(email)).with_for_update())
    if user is None:
        raise UnknownUser(f"There is no user {email}.")
    return user


async def _hashed(settings: Settings, password: str, email: str) -> str:
    async with opened(Parts(settings), [open_passwords]) as parts:
        await parts[PASSWORDS].check(password, email, "/password")
        return await parts[PASSWORDS].hash(password)
