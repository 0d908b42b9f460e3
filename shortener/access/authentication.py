"""From a credential to a principal: memory, then PostgreSQL."""

import asyncio
import math
import time
import uuid
from collections.abc import Collection
from datetime import UTC, datetime

import msgspec
from cachebox import LRUCache
from sqlalchemy import ColumnElement, func, or_, select, update

from shortener.access.credentials import InvalidCredential
from shortener.access.models import ApiKey, Session, User
from shortener.access.principals import Principal
from shortener.access.scopes import Scope, scopes_of_user
from shortener.access.sessions import NOTE_USE_AFTER, expiry_of_use
from shortener.access.tokens import API_KEY_PREFIX, BROWSER_PREFIX, Access, AccessTokens, InvalidToken, hash_secret
from shortener.limits.local import LocalWindows
from shortener.settings.values import Rate
from shortener.stores.database import Database
from shortener.stores.invalidations import UNINFORMED_LIFETIME_S

MAX_PRINCIPALS = 10_000
# Each unknown credential costs a database query, so a client may try only this many in each process.
BAD_CREDENTIALS = Rate(60, 60)


class _Entry(msgspec.Struct, frozen=True):
    principal: Principal
    stored_at_s: float


class Authentication:
    """Caches principals by the hash of their credential. Adds each key that was used to `used_keys`."""

    def __init__(self, database: Database, tokens: AccessTokens, used_keys: set[uuid.UUID]) -> None:
        self._database = database
        self._tokens = tokens
        self._used_keys = used_keys
        self._entries: LRUCache[bytes, _Entry] = LRUCache(MAX_PRINCIPALS)
        # Credentials that were bad a moment ago. A client that goes on with a revoked key uses up no attempts.
        self._refused: LRUCache[bytes, float] = LRUCache(MAX_PRINCIPALS)
        self._loading: dict[bytes, asyncio.Task[Principal]] = {}
        self._bad = LocalWindows()
        self.lifetime_s = UNINFORMED_LIFETIME_S

    async def authenticate(self, credential: str, client: str) -> Principal:
        """Raises InvalidCredential, and TooManyRequests after too many bad credentials. The secret of a browser's
        cookie is bad in any other place."""
        _check_no_cookie(credential)
        return await self._authenticate(credential, client)

    async def authenticate_browser(self, secret: str, client: str) -> Principal:
        """As `authenticate`, for the secret of a cookie, and for nothing else."""
        if not secret.startswith(BROWSER_PREFIX):
            raise InvalidCredential
        return await self._authenticate(secret, client)

    async def _authenticate(self, credential: str, client: str) -> Principal:
        digest = hash_secret(credential)
        principal = self._remembered(digest) or await self._look_up(digest, credential, client)
        if principal.key_id is not None:
            self._used_keys.add(principal.key_id)
        return principal

    async def of_means(self, session_id: uuid.UUID | None, key_id: uuid.UUID | None) -> Principal:
        """The principal of a session or key that was authenticated a moment ago. Raises InvalidCredential."""
        return await (self._find_login(session_id) if key_id is None else self._find_key(ApiKey.id == key_id))

    async def inspect(self, credential: str) -> Principal | None:
        """The principal of a credential that another service received; None if the credential is not valid."""
        digest = hash_secret(credential)
        try:
            _check_no_cookie(credential)
            principal = self._remembered(digest) or await self._load_once(digest, credential)
        except InvalidCredential:
            return None
        if principal.key_id is not None:
            self._used_keys.add(principal.key_id)
        return principal

    def forget(self, subjects: Collection[str] | None) -> None:
        """Drop the principals of these subjects (None: of all), and do not cache the look-ups in progress."""
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
        # A client that disconnects cancels this wait but not the look-up: other requests may wait for it.
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
            # If `forget` ran meanwhile, this row may be older than the revocation.
            if self._loading is loading:
                self._entries[digest] = _Entry(principal, time.monotonic())
            return principal
        finally:
            loading.pop(digest, None)

    async def _find(self, credential: str) -> Principal:
        if credential.startswith(API_KEY_PREFIX):
            return await self._find_key(ApiKey.hash == hash_secret(credential))
        if credential.startswith(BROWSER_PREFIX):
            return await self._find_browser(credential)
        try:
            access = self._tokens.read(credential, int(time.time()))
        except InvalidToken:
            raise InvalidCredential from None
        return await self._find_session(access)

    async def _find_key(self, condition: ColumnElement[bool]) -> Principal:
        async with self._database.session() as session:
            row = (
                await session.execute(
                    select(ApiKey, User.is_admin)
                    .join(User, User.id == ApiKey.user_id)
                    .where(condition, *_live(ApiKey), User.is_disabled.is_(False))
                )
            ).one_or_none()
        if row is None:
            raise InvalidCredential
        key, is_admin = row
        scopes = scopes_of_user(is_admin) & {Scope(scope) for scope in key.scopes}
        principal = Principal(key.user_id, scopes, key_id=key.id, requests_per_minute=key.requests_per_minute)
        return principal if key.expires_at is None else principal._replace(expires_at_s=key.expires_at.timestamp())

    async def _find_browser(self, secret: str) -> Principal:
        """Notes the use, which prolongs the session."""
        async with self._database.session() as session, session.begin():
            row = (
                await session.execute(
                    select(Session, User.is_admin)
                    .join(User, User.id == Session.user_id)
                    .where(Session.cookie_hash == hash_secret(secret), *_live(Session), User.is_disabled.is_(False))
                )
            ).one_or_none()
            if row is None:
                raise InvalidCredential
            login, is_admin = row
            now = datetime.now(UTC)
            expires_at = login.expires_at
            if now - login.last_used_at > NOTE_USE_AFTER:
                expires_at = expiry_of_use(login.created_at, now)
                used = update(Session).where(Session.id == login.id, Session.revoked_at.is_(None))
                await session.execute(used.values(last_used_at=now, expires_at=expires_at))
            return Principal(
                login.user_id,
                scopes_of_user(is_admin),
                session_id=login.id,
                expires_at_s=expires_at.timestamp(),
            )

    async def _find_login(self, session_id: uuid.UUID | None) -> Principal:
        async with self._database.session() as session:
            row = (
                await session.execute(
                    select(Session, User.is_admin)
                    .join(User, User.id == Session.user_id)
                    .where(Session.id == session_id, *_live(Session), User.is_disabled.is_(False))
                )
            ).one_or_none()
        if row is None:
            raise InvalidCredential
        login, is_admin = row
        scopes, expires_at_s = scopes_of_user(is_admin), login.expires_at.timestamp()
        return Principal(login.user_id, scopes, session_id=login.id, expires_at_s=expires_at_s)

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


def _check_no_cookie(credential: str) -> None:
    """Raises InvalidCredential."""
    if credential.startswith(BROWSER_PREFIX):
        raise InvalidCredential


def _live(means: type[ApiKey | Session]) -> tuple[ColumnElement[bool], ...]:
    return means.revoked_at.is_(None), or_(means.expires_at.is_(None), means.expires_at > func.now())
