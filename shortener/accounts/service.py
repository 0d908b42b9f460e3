"""The service for accounts and logins. A password is compared outside of any transaction, because that takes a tenth of
a second; then the hash that it was compared with is checked again."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

import structlog
import uuid_utils.compat
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from shortener.access.credentials import InvalidCredential
from shortener.access.models import RefreshToken, Session, User
from shortener.access.principals import Principal, session_subject, user_subject
from shortener.access.revocation import Revocations
from shortener.access.sessions import SESSION_IDLE, expiry_of_use
from shortener.access.tokens import AccessTokens, hash_secret, new_browser_secret, new_refresh_token
from shortener.accounts.browsers import Browser
from shortener.accounts.errors import FRESH, FreshLoginRequired, InvalidLogin, NoPassword, WrongPassword
from shortener.accounts.metrics import LOGINS_REFUSED
from shortener.accounts.passwords import Passwords
from shortener.accounts.slowdown import Slowdown, TooManyFailures
from shortener.accounts.users import ensure_personal_workspace, insert_user
from shortener.audit.trail import Action, record
from shortener.hashing.passwords import IsGone
from shortener.stores.database import REQUEST_KEY
from shortener.workspaces.invitations import InvitationRequired, find_invitation, use_invitation
from shortener.workspaces.service import WorkspaceService

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Two requests may race with one refresh token: the loser gets an error, and the session stays.
RACE = timedelta(seconds=5)


class Tokens(NamedTuple):
    """The result of a login or a refresh."""

    access: str
    refresh: str


class AccountService:
    """Creates and ends accounts and sessions."""

    def __init__(
        self,
        passwords: Passwords,
        tokens: AccessTokens,
        slowdown: Slowdown,
        revocations: Revocations,
        workspaces: WorkspaceService,
    ) -> None:
        self._passwords = passwords
        self._tokens = tokens
        self._slowdown = slowdown
        self._revocations = revocations
        self._workspaces = workspaces

    async def register(self, session: AsyncSession, email: str, password: str, invitation: str | None) -> None:
        """Create the account, unless the address has one: the answer and the work are the same. Raises WeakPassword,
        and InvitationRequired if the invitation is not valid."""
        await self._passwords.check(password, email, "/password")
        if invitation is not None:
            # Check the invitation before the expensive hash.
            async with session.begin():
                if await find_invitation(session, invitation, email) is None:
                    raise InvitationRequired
        password_hash = await self._passwords.hash(password, _is_gone(session))
        async with session.begin():
            invited = None if invitation is None else await find_invitation(session, invitation, email)
            if invitation is not None and invited is None:
                raise InvitationRequired
            user_id = await insert_user(session, email, password_hash)
            if user_id is None:
                record(session, Action.REGISTRATION_REFUSED)
            elif invited is not None:
                await use_invitation(session, invited, user_id)

    async def log_in(self, session: AsyncSession, email: str, password: str, client: str) -> Tokens:
        """Raises InvalidLogin, TooManyFailures."""
        return await self._log_in(session, email, password, client, self.begin_session)

    async def log_in_browser(
        self, session: AsyncSession, email: str, password: str, client: str, browser: Browser
    ) -> str:
        """The secret of the new session's cookie. Raises InvalidLogin, TooManyFailures."""

        async def begin(session: AsyncSession, user: User) -> str:
            return await self.begin_browser_session(session, user, browser)

        return await self._log_in(session, email, password, client, begin)

    async def _log_in(
        self,
        session: AsyncSession,
        email: str,
        password: str,
        client: str,
        begin: Callable[[AsyncSession, User], Awaitable[T]],
    ) -> T:
        async with session.begin():
            user = await session.scalar(select(User).where(User.email == email))
        async with _recorded_when_refused(session, Action.LOGIN_REFUSED, user):
            return await self._admit(session, user, email, password, client, begin)

    async def _admit(
        self,
        session: AsyncSession,
        user: User | None,
        email: str,
        password: str,
        client: str,
        begin: Callable[[AsyncSession, User], Awaitable[T]],
    ) -> T:
        known_hash = None if user is None or user.is_disabled else user.password_hash
        try:
            new_hash = await self._compare(session, email, password, known_hash, client)
        except TooManyFailures:
            _note_refusal("too_many_failures", user)
            raise
        if user is None or new_hash is None:
            _note_refusal(_why_refused(user), user)
            raise InvalidLogin
        async with session.begin():
            # The account may have been disabled, or its password changed, during the comparison.
            kept = await session.scalar(
                update(User)
                .where(User.id == user.id, User.password_hash == known_hash, User.is_disabled.is_(False))
                .values(password_hash=new_hash)
                .returning(User.id)
            )
            if kept is None:
                _note_refusal("changed_meanwhile", user)
                raise InvalidLogin
            return await begin(session, user)

    async def begin_session(self, session: AsyncSession, user: User) -> Tokens:
        """Begin a session for a user who has just been authenticated, in the caller's transaction. Nothing of the
        request becomes a part of it: each login gets a new session and new tokens."""
        login = await self._new_login(session, user)
        return self._give_tokens(session, login, login.created_at)

    async def begin_browser_session(self, session: AsyncSession, user: User, browser: Browser) -> str:
        """As `begin_session`, for a browser: the secret of its cookie."""
        login = await self._new_login(session, user)
        secret = new_browser_secret()
        login.cookie_hash, (login.browser, login.network) = hash_secret(secret), browser
        return secret

    async def _new_login(self, session: AsyncSession, user: User) -> Session:
        await ensure_personal_workspace(session, user.email)
        now = datetime.now(UTC)
        login = Session(id=uuid_utils.compat.uuid7(), user_id=user.id, created_at=now, expires_at=now + SESSION_IDLE)
        session.add(login)
        await session.flush()
        them = Principal(user.id, frozenset(), session_id=login.id)
        record(session, Action.LOGIN_SUCCEEDED, user_subject(user.id), by=them)
        return login

    async def user_of_refresh(self, session: AsyncSession, token: str) -> int | None:
        """The user to whom this refresh token belongs or belonged."""
        async with session.begin():
            return await session.scalar(
                select(Session.user_id).join(RefreshToken).where(RefreshToken.hash == hash_secret(token))
            )

    async def refresh(self, session: AsyncSession, token: str) -> Tokens:
        """The next tokens. A token that comes back ends its whole session. Raises InvalidCredential."""
        stolen: uuid.UUID | None = None
        async with session.begin():
            # Lock the session first: all changes to a session wait for each other.
            login = await session.scalar(
                select(Session)
                .where(Session.id.in_(select(RefreshToken.session_id).where(RefreshToken.hash == hash_secret(token))))
                .with_for_update()
            )
            if login is None or not await self._is_live(session, login):
                raise InvalidCredential
            shown = await session.get_one(RefreshToken, hash_secret(token), populate_existing=True)
            now = datetime.now(UTC)
            if shown.used_at is None:
                shown.used_at = login.last_used_at = now
                login.expires_at = expiry_of_use(login.created_at, now)
                return self._give_tokens(session, login, now)
            if now - shown.used_at > RACE:
                login.revoked_at = now
                stolen = login.id
                record(
                    session,
                    Action.SESSION_ENDED,
                    session_subject(stolen),
                    user=user_subject(login.user_id),
                    reason="a used refresh token came back",
                )
        if stolen is None:
            raise InvalidCredential("This refresh token was used a moment ago. Use its successor.")
        await self._revocations.report(session_subject(stolen))
        raise InvalidCredential("This refresh token was used before. Its session has ended; log in again.")

    async def log_out(self, session: AsyncSession, principal: Principal) -> None:
        assert principal.session_id is not None
        async with session.begin():
            await session.execute(
                update(Session).where(Session.id == principal.session_id).values(revoked_at=func.now())
            )
            user = user_subject(principal.user_id)
            record(session, Action.SESSION_ENDED, session_subject(principal.session_id), user=user, reason="logout")
        await self._revocations.report(session_subject(principal.session_id))

    async def change_password(
        self, session: AsyncSession, principal: Principal, current: str, new: str, client: str
    ) -> None:
        """All other sessions end. Raises NoPassword, WrongPassword, WeakPassword, TooManyFailures."""
        user = await self._myself(session, principal)
        if user.password_hash is None:
            raise NoPassword
        await self._prove(session, user, current, client)
        proven = user.password_hash
        await self._passwords.check(new, user.email, "/new_password")
        new_hash = await self._passwords.hash(new, _is_gone(session))
        async with session.begin():
            await session.refresh(user, with_for_update=True)
            if user.password_hash != proven:
                raise WrongPassword
            await replace_password(session, user, new_hash, keep=principal.session_id)
        await self._revocations.report(user_subject(user.id))

    async def delete_account(
        self, session: AsyncSession, principal: Principal, password: str | None, client: str
    ) -> None:
        """Delete the account with its sessions, keys and personal workspace. Raises WrongPassword, TooManyFailures,
        FreshLoginRequired, OnlyOwner."""
        user = await self._myself(session, principal)
        if user.password_hash is None:
            await self._check_fresh(session, principal)
        else:
            await self._prove(session, user, password, client)
        await self._workspaces.delete_user(session, user.id)
        await self._revocations.report(user_subject(user.id))

    async def _myself(self, session: AsyncSession, principal: Principal) -> User:
        async with session.begin():
            user = await session.get(User, principal.user_id)
        if user is None:
            raise InvalidCredential
        return user

    async def _prove(self, session: AsyncSession, user: User, password: str | None, client: str) -> None:
        async with _recorded_when_refused(session, Action.PASSWORD_REFUSED, user):
            known_hash = user.password_hash
            if password is None or await self._compare(session, user.email, password, known_hash, client) is None:
                raise WrongPassword

    async def _check_fresh(self, session: AsyncSession, principal: Principal) -> None:
        """All sessions of an account without a password began at the identity provider: the others ended with the
        password."""
        async with session.begin():
            login = await session.get(Session, principal.session_id)
        if login is None or datetime.now(UTC) - login.created_at > FRESH:
            raise FreshLoginRequired

    async def _compare(
        self, session: AsyncSession, email: str, password: str, known_hash: str | None, client: str
    ) -> str | None:
        """The hash to store if the password is right, otherwise None. Raises TooManyFailures."""
        verdict = await self._passwords.verify(
            password, known_hash, lambda: self._slowdown.ask(email, client), _is_gone(session)
        )
        if not verdict.is_right:
            await self._slowdown.fail(email, client)
            return None
        await self._slowdown.succeed(email, client)
        return verdict.new_hash or known_hash

    async def _is_live(self, session: AsyncSession, login: Session) -> bool:
        is_disabled = await session.scalar(select(User.is_disabled).where(User.id == login.user_id))
        return login.revoked_at is None and login.expires_at > datetime.now(UTC) and is_disabled is False

    def _give_tokens(self, session: AsyncSession, login: Session, now: datetime) -> Tokens:
        refresh = new_refresh_token()
        session.add(RefreshToken(hash=hash_secret(refresh), session_id=login.id))
        return Tokens(self._tokens.issue(login.user_id, login.id, int(now.timestamp())), refresh)


def _is_gone(session: AsyncSession) -> IsGone:
    """Whether the client of the session's request has disconnected."""
    request: Request = session.info[REQUEST_KEY]
    return request.is_disconnected


def _why_refused(user: User | None) -> str:
    if user is None:
        return "unknown_user"
    return "disabled" if user.is_disabled else "wrong_password"


def _note_refusal(reason: str, user: User | None) -> None:
    LOGINS_REFUSED.labels(reason).inc()
    # An unknown address may be a password typed into the wrong field, so it is not logged.
    log.warning("login_refused", reason=reason, user=None if user is None else user.id)


async def replace_password(
    session: AsyncSession, user: User, new_hash: str | None, keep: uuid.UUID | None = None
) -> None:
    """Set the password and end all sessions of the user except `keep`; the caller reports that after the commit.
    Without a hash nobody can log in with a password."""
    user.password_hash = new_hash
    user.password_changed_at = datetime.now(UTC)
    others = update(Session).where(Session.user_id == user.id, Session.revoked_at.is_(None))
    await session.execute(others.where(Session.id.is_distinct_from(keep)).values(revoked_at=func.now()))
    record(session, Action.PASSWORD_CHANGED, user_subject(user.id))


@contextlib.asynccontextmanager
async def _recorded_when_refused(session: AsyncSession, action: Action, user: User | None) -> AsyncIterator[None]:
    """Takes the same time whether or not the user exists."""
    target = None if user is None else user_subject(user.id)
    try:
        yield
    except (InvalidLogin, WrongPassword, TooManyFailures) as refusal:
        async with session.begin():
            record(session, action, target, reason=refusal.type)
        raise
