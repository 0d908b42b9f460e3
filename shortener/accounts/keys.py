"""The service for API keys."""

import math
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

import uuid_utils.compat
from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.credentials import InvalidCredential
from shortener.access.models import ApiKey, User
from shortener.access.principals import Principal, key_subject, user_subject
from shortener.access.revocation import Revocations
from shortener.access.scopes import Scope
from shortener.access.tokens import hash_secret, new_api_key
from shortener.audit.trail import Action, record
from shortener.errors import Conflict, Forbidden, NotFound
from shortener.http.expiry import check_expiry

MAX_KEYS = 100


class TooManyKeys(Conflict):
    """A user can have 100 keys.

    Revoke one.
    """

    type, title = "too-many-keys", "Too many keys"

    def __init__(self) -> None:
        super().__init__(f"A user can have at most {MAX_KEYS} keys at a time. Revoke one that you no longer need.")


class ScopeNotHeld(Forbidden):
    """The new key would have scopes that its creator does not have.

    Ask for fewer scopes.
    """

    type, title = "scope-not-held", "Scope not held"

    def __init__(self, scopes: Iterable[Scope]) -> None:
        super().__init__(f"Nobody can give scopes that they do not have: {', '.join(sorted(scopes))}.")


class OutlivesItsMaker(Forbidden):
    """A key that expires cannot create a key that lasts longer.

    Ask for an earlier `expires_at`, or log in.
    """

    type, title = "outlives-its-maker", "Key would outlive its maker"

    def __init__(self, ends_at: datetime) -> None:
        super().__init__(f"Keys that this key creates must expire by {ends_at.isoformat()}, when it expires itself.")


class UnknownKey(NotFound):
    """You have no key with this id, or the key was revoked."""

    type, title = "key-not-found", "No such key"

    def __init__(self) -> None:
        super().__init__("You have no such key.")


class KeyService:
    """Creates, lists and revokes a user's keys."""

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations

    async def create(
        self,
        session: AsyncSession,
        maker: Principal,
        name: str,
        scopes: Iterable[Scope],
        *,
        expires_at: datetime | None = None,
        requests_per_minute: int | None = None,
    ) -> tuple[ApiKey, str]:
        """The new key's row, and the key itself, which is stored nowhere. If a key creates it, it gets that key's
        limit. Raises ScopeNotHeld, InvalidExpiry, OutlivesItsMaker, TooManyKeys, InvalidCredential."""
        if beyond := set(scopes) - maker.scopes:
            raise ScopeNotHeld(beyond)
        check_expiry(expires_at)
        ends_at_s = math.inf if expires_at is None else expires_at.timestamp()
        # A login ends soon, but the keys that it creates must stay.
        if maker.key_id is not None and ends_at_s > maker.expires_at_s:
            raise OutlivesItsMaker(datetime.fromtimestamp(maker.expires_at_s, UTC))
        new = new_api_key()
        row = ApiKey(
            id=uuid_utils.compat.uuid7(),
            user_id=maker.user_id,
            name=name,
            prefix=new.prefix,
            hash=hash_secret(new.key),
            scopes=sorted(set(scopes)),
            requests_per_minute=requests_per_minute or maker.requests_per_minute,
            created_at=datetime.now(UTC),
            expires_at=expires_at,
        )
        async with session.begin():
            # Counting waits for others who create a key.
            if await session.scalar(select(User.id).where(User.id == maker.user_id).with_for_update()) is None:
                raise InvalidCredential
            count = await session.scalar(select(func.count()).select_from(ApiKey).where(*_usable(maker.user_id)))
            if (count or 0) >= MAX_KEYS:
                raise TooManyKeys
            session.add(row)
            owner = user_subject(maker.user_id)
            record(session, Action.KEY_CREATED, key_subject(row.id), user=owner, scopes=row.scopes)
        return row, new.key

    async def of_user(self, session: AsyncSession, user_id: int) -> list[ApiKey]:
        """Valid keys, newest first."""
        async with session.begin():
            return list(await session.scalars(select(ApiKey).where(*_usable(user_id)).order_by(ApiKey.id.desc())))

    async def revoke(self, session: AsyncSession, key_id: uuid.UUID, user_id: int | None = None) -> None:
        """Every process refuses the key within a second. Raises UnknownKey, even if the key is another user's."""
        statement = update(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        if user_id is not None:
            statement = statement.where(ApiKey.user_id == user_id)
        async with session.begin():
            owner_id = await session.scalar(statement.values(revoked_at=func.now()).returning(ApiKey.user_id))
            if owner_id is None:
                raise UnknownKey
            record(session, Action.KEY_REVOKED, key_subject(key_id), user=user_subject(owner_id))
        await self._revocations.report(key_subject(key_id))


def _usable(user_id: int) -> tuple[ColumnElement[bool], ...]:
    is_alive = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now())
    return ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None), is_alive
