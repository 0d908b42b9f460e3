"""From a credential to a principal: memory, then PostgreSQL."""

import asyncio
import math
import time
import uuid
from collections.abc import Collection

import msgspec
from cachebox import LRUCache
from sqlalchemy import ColumnElement, func, or_, select

from shortener.access.credentials import InvalidCredential
from shortener.access.models import ApiKey, Session, User
from shortener.access.principals import Principal, Scope, scopes_of_user
from shortener.access.tokens import API_KEY_PREFIX, Access, AccessTokens, InvalidToken, hash_secret
from shortener.limits.local import LocalWindows
from shortener.settings.values import Rate
from shortener.stores.database import Database
from shortener.stores.invalidations import UNINFORMED_LIFETIME_S

MAX_PRINCIPALS = 10_000
# Each bad credential costs a look into the database: so many different ones a client may try in each process.
BAD_CREDENTIALS = Rate(60, 60)


class _Entry(msgspec.Struct, frozen=True):
    principal: Principal
    stored_at_s: float


class Authentication:
    """Knows credentials by their hashes. `used_keys` is told of each key that was shown."""

    def __init__(self, database: Database, tokens: AccessTokens, used_keys: set[uuid.UUID]) -> None:
        self._database = database
        self._tokens = tokens
        self._used_keys = used_keys
        self._entries: LRUCache[bytes, _Entry] = LRUCache(MAX_PRINCIPALS)
        # Those that were bad a moment ago: somebody who goes on with a revoked key uses up nobody's tries.
        self._refused: LRUCache[bytes, float] = LRUCache(MAX_PRINCIPALS)
        self._loading: dict[bytes, asyncio.Task[Principal]] = {}
        self._bad = LocalWindows()
        self.lifetime_s = UNINFORMED_LIFETIME_S

    async def authenticate(self, credential: str, client: str) -> Principal:
        """Raises InvalidCredential, and TooManyRequests for who has shown too many bad ones."""
        digest = hash_secret(credential)
        principal = self._remembered(digest) or await self._look_up(digest, credential, client)
        if principal.key_id is not None:
            self._used_keys.add(principal.key_id)
        return principal

    async def inspect(self, credential: str) -> Principal | None:
        """The principal of a credential that its holder has shown to another service; None when it is not valid."""
        digest = hash_secret(credential)
        try:
            principal = self._remembered(digest) or await self._load_once(digest, credential)
        except InvalidCredential:
            return None
        if principal.key_id is not None:
            self._used_keys.add(principal.key_id)
        return principal

    def forget(self, subjects: Collection[str] | None) -> None:
        """Drop whoever is one of these (None: anybody may be), and keep out of memory who is just being looked up."""
        self._loading = {}
        # A user may have been enabled again.
        self._refused.clear()
        if subjects is None:
            self._entries.clear()
            return
        gone = [digest for digest, entry in self._entries.items() if not entry.principal.subjects.isdisjoint(subjects)]
        for digest in gone:
            self._entries.pop(digest, None)

    def _remembered(self, digest: bytes) -> Principal | None:
        now_s = time.monotonic()
        if self._refused.get(digest, -math.inf) + self.lifetime_s >= now_s:
            raise InvalidCredential
        entry = self._entries.get(digest)
        if entry is None or entry.stored_at_s + self.lifetime_s < now_s:
            return None
        return entry.principal if time.time() < entry.principal.expires_at_s else None

    async def _look_up(self, digest: bytes, credential: str, client: str) -> Principal:
        refused = self._bad.verdict("credentials", client, BAD_CREDENTIALS, cost=0)
        if not refused.is_allowed:
            raise refused.refusal()
        try:
            return await self._load_once(digest, credential)
        except InvalidCredential:
            self._bad.verdict("credentials", client, BAD_CREDENTIALS)
            raise

    async def _load_once(self, digest: bytes, credential: str) -> Principal:
        task = self._loading.get(digest)
        if task is None:
            task = self._loading[digest] = asyncio.create_task(self._load(digest, credential))
        # A client that goes away cancels this wait, not the look-up, for which others may wait.
        return await asyncio.shield(task)

    async def _load(self, digest: bytes, credential: str) -> Principal:
        loading = self._loading
        try:
            principal = await self._find(credential)
        except InvalidCredential:
            if self._loading is loading:
                self._refused[digest] = time.monotonic()
            raise
        else:
            # Whatever was revoked meanwhile, this may have been read before it.
            if self._loading is loading:
                self._entries[digest] = _Entry(principal, time.monotonic())
            return principal
        finally:
            loading.pop(digest, None)

    async def _find(self, credential: str) -> Principal:
        if credential.startswith(API_KEY_PREFIX):
            return await self._find_key(credential)
        try:
            access = self._tokens.read(credential, int(time.time()))
        except InvalidToken:
            raise InvalidCredential from None
        return await self._find_session(access)

    async def _find_key(self, credential: str) -> Principal:
        async with self._database.session() as session:
            row = (
                await session.execute(
                    select(ApiKey, User.is_admin)
                    .join(User, User.id == ApiKey.user_id)
                    .where(ApiKey.hash == hash_secret(credential), *_live(ApiKey), User.is_disabled.is_(False))
                )
            ).one_or_none()
        if row is None:
            raise InvalidCredential
        key, is_admin = row
        scopes = scopes_of_user(is_admin) & {Scope(scope) for scope in key.scopes}
        principal = Principal(key.user_id, scopes, key_id=key.id, requests_per_minute=key.requests_per_minute)
        return principal if key.expires_at is None else principal._replace(expires_at_s=key.expires_at.timestamp())

    async def _find_session(self, access: Access) -> Principal:
        statement = (
            select(User.is_admin)
            .join(Session, Session.user_id == User.id)
            .where(Session.id == access.session_id, User.id == access.user_id, User.is_disabled.is_(False))
            .where(*_live(Session))
        )
        async with self._database.session() as session:
            is_admin = await session.scalar(statement)
        if is_admin is None:
            raise InvalidCredential
        scopes = scopes_of_user(is_admin)
        return Principal(access.user_id, scopes, session_id=access.session_id, expires_at_s=access.expires_at_s)


def _live(means: type[ApiKey | Session]) -> tuple[ColumnElement[bool], ...]:
    return means.revoked_at.is_(None), or_(means.expires_at.is_(None), means.expires_at > func.now())
