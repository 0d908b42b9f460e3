"""What can be done with API keys."""

import math
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

import uuid_utils.compat
from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.credentials import InvalidCredential
from shortener.access.models import ApiKey, User
from shortener.access.principals import Principal, Scope, key_subject, user_subject
from shortener.access.revocation import Revocations
from shortener.access.tokens import hash_secret, new_api_key
from shortener.audit.trail import Action, record
from shortener.errors import Conflict, Forbidden, NotFound
from shortener.http.expiry import check_expiry

MAX_KEYS = 100


class TooManyKeys(Conflict):
    type, title = "too-many-keys", "Too many keys"

    def __init__(self) -> None:
        super().__init__(f"At most {MAX_KEYS} keys can be had at a time. Revoke one that is not needed.")


class ScopeNotHeld(Forbidden):
    type, title = "scope-not-held", "Scope not held"

    def __init__(self, scopes: Iterable[Scope]) -> None:
        super().__init__(f"Nobody can give what they may not do themselves: {', '.join(sorted(scopes))}.")


class OutlivesItsMaker(Forbidden):
    type, title = "outlives-its-maker", "The key would outlive the one that makes it"

    def __init__(self, ends_at: datetime) -> None:
        super().__init__(f"What this key makes must expire by {ends_at.isoformat()}, as it does itself.")


class UnknownKey(NotFound):
    type, title = "key-not-found", "No such key"

    def __init__(self) -> None:
        super().__init__("You have no such key.")


class KeyService:
    """Makes, lists and revokes a user's keys."""

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
        """The key's row, and the key itself, which is nowhere else. A key that makes it gives it its own limit. Raises
        ScopeNotHeld, InvalidExpiry, OutlivesItsMaker, TooManyKeys, InvalidCredential."""
        if beyond := set(scopes) - maker.scopes:
            raise ScopeNotHeld(beyond)
        check_expiry(expires_at)
        ends_at_s = math.inf if expires_at is None else expires_at.timestamp()
        # A login ends soon, and what it has made is to stay.
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
            # Who counts keys waits for who makes one.
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
        """Those that work, the newest first."""
        async with session.begin():
            return list(await session.scalars(select(ApiKey).where(*_usable(user_id)).order_by(ApiKey.id.desc())))

    async def revoke(self, session: AsyncSession, key_id: uuid.UUID, user_id: int | None = None) -> None:
        """Every process refuses it within a second. Raises UnknownKey, also when it is not this user's."""
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
