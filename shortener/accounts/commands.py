"""What the command line does with accounts: the same services as the API, on the database itself."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError
from rich.table import Table
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.models import ApiKey, User
from shortener.access.principals import Principal, Scope, scopes_of_user, user_subject
from shortener.access.revocation import Revocations
from shortener.access.schemas import Email
from shortener.accounts.keys import KeyService
from shortener.accounts.passwords import Passwords
from shortener.accounts.schemas import KeyName
from shortener.accounts.service import UnknownUser, replace_password
from shortener.accounts.users import ensure_personal_workspace, insert_user
from shortener.errors import Conflict, Unprocessable
from shortener.http.problems import invalid_request
from shortener.links.service import adopt_some
from shortener.processes.opened import opened
from shortener.settings import Settings

FIRST_ADMIN = "admin@localhost"
_ADOPTED_AT_ONCE = 1000

_email = TypeAdapter[str](Email)
_key_name = TypeAdapter[str](KeyName)


class EmailTaken(Conflict):
    type, title = "email-taken", "Email taken"


class _Parts(NamedTuple):
    session: AsyncSession
    revocations: Revocations
    keys: KeyService


@contextlib.asynccontextmanager
async def _parts(settings: Settings) -> AsyncIterator[_Parts]:
    async with opened(settings) as servers, servers.session() as session:
        revocations = Revocations(servers.redis)
        yield _Parts(session, revocations, KeyService(revocations))


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
    """Without a password the user can have keys, and cannot log in. Raises EmailTaken, WeakPassword."""
    email = read_email(email)
    password_hash = None if password is None else await _hashed(settings, password, email)
    async with _parts(settings) as parts, parts.session.begin():
        if await insert_user(parts.session, email, password_hash, is_admin=is_admin) is None:
            raise EmailTaken(f"There is a user {email} already.")


async def list_users(settings: Settings) -> Table:
    table = Table("email", "admin", "state", "keys", "created", box=None, padding=(0, 2))
    async with _parts(settings) as parts:
        keys = select(func.count()).where(ApiKey.user_id == User.id, ApiKey.revoked_at.is_(None)).scalar_subquery()
        for user, count in await parts.session.execute(select(User, keys).order_by(User.email)):
            state = "disabled" if user.is_disabled else "active"
            admin = "yes" if user.is_admin else ""
            table.add_row(user.email, admin, state, str(count), f"{user.created_at:%Y-%m-%d}")
    return table


async def adopt_links(settings: Settings, email: str) -> int:
    """Put all links without owner into the user's personal workspace; returns their number. Raises UnknownUser."""
    adopted = 0
    async with _parts(settings) as parts:
        while True:
            async with parts.session.begin():
                user = await find_user(parts.session, email)
                await ensure_personal_workspace(parts.session, user.email)
                count = await adopt_some(parts.session, user.id, _ADOPTED_AT_ONCE)
            adopted += count
            if count < _ADOPTED_AT_ONCE:
                return adopted


async def reset_password(settings: Settings, email: str, password: str) -> None:
    """All sessions end; keys stay. Raises UnknownUser, WeakPassword."""
    password_hash = await _hashed(settings, password, read_email(email))
    async with _parts(settings) as parts:
        async with parts.session.begin():
            user = await find_user(parts.session, email)
            await replace_password(parts.session, user, password_hash)
        await parts.revocations.report(user_subject(user.id))


async def create_key(
    settings: Settings,
    email: str,
    name: str,
    scopes: Sequence[Scope],
    days: int | None,
    requests_per_minute: int | None,
) -> str:
    """The key, which is shown only now. Without scopes it has all that its user has. Raises ShortenerError."""
    name = read_key_name(name)
    async with _parts(settings) as parts:
        async with parts.session.begin():
            user = await find_user(parts.session, email)
        held = scopes_of_user(user.is_admin)
        _, key = await parts.keys.create(
            parts.session,
            Principal(user.id, held),
            name,
            scopes or held,
            expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
            requests_per_minute=requests_per_minute,
        )
    return key


async def list_keys(settings: Settings, email: str) -> Table:
    """Raises UnknownUser."""
    table = Table("id", "name", "begins with", "scopes", "expires", "last used", box=None, padding=(0, 2))
    async with _parts(settings) as parts:
        async with parts.session.begin():
            user = await find_user(parts.session, email)
        for key in await parts.keys.of_user(parts.session, user.id):
            moments = (f"{moment:%Y-%m-%d}" if moment else "never" for moment in (key.expires_at, key.last_used_at))
            table.add_row(str(key.id), key.name, key.prefix, " ".join(key.scopes), *moments)
    return table


async def revoke_key(settings: Settings, key_id: uuid.UUID) -> None:
    """Raises UnknownKey."""
    async with _parts(settings) as parts:
        await parts.keys.revoke(parts.session, key_id)


async def first_admin_key(settings: Settings) -> str | None:
    """Where there is no user yet, make an admin who has no password, and a key for them; None where there is one."""
    async with _parts(settings) as parts:
        async with parts.session.begin():
            if await parts.session.scalar(select(User.id).limit(1)) is not None:
                return None
            # Another machine may start at the same time: one of them makes the admin.
            user_id = await insert_user(parts.session, FIRST_ADMIN, is_admin=True)
        if user_id is None:
            return None
        held = scopes_of_user(is_admin=True)
        _, key = await parts.keys.create(parts.session, Principal(user_id, held), "first admin", held)
    return key


async def find_user(session: AsyncSession, email: str) -> User:
    user = await session.scalar(select(User).where(User.email == read_email(email)).with_for_update())
    if user is None:
        raise UnknownUser(f"There is no user {email}.")
    return user


async def _hashed(settings: Settings, password: str, email: str) -> str:
    passwords = Passwords(settings.password_list)
    try:
        await passwords.check(password, email, "/password")
        return await passwords.hash(password)
    finally:
        passwords.close()
