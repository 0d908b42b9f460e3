"""From a person at the provider to a user here, and a session."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.models import ApiKey, User
from shortener.access.principals import key_subject, user_subject
from shortener.access.revocation import Revocations
from shortener.accounts.browsers import Browser
from shortener.accounts.errors import RegistrationClosed
from shortener.accounts.oidc.errors import (
    AccountDisabled,
    EmailHasAccount,
    InvalidOidcLogin,
    OidcLoginRefused,
    OidcProviderFailed,
    UnverifiedEmail,
)
from shortener.accounts.oidc.flow import Flow, hash_state
from shortener.accounts.oidc.models import OidcIdentity, OidcUsedState
from shortener.accounts.oidc.person import Person
from shortener.accounts.service import AccountService, Tokens, replace_password
from shortener.accounts.users import insert_user
from shortener.audit.trail import Action, record
from shortener.settings import Settings

T = TypeVar("T")


class OidcService:
    """Links accounts to identities, and begins their sessions."""

    def __init__(self, accounts: AccountService, revocations: Revocations, settings: Settings) -> None:
        self._accounts = accounts
        self._revocations = revocations
        self._provider = settings.oidc_name
        self._may_create = settings.oidc_registration or settings.registration == "open"
        self._may_link = settings.oidc_link_by_email

    async def use_up(self, session: AsyncSession, flow: Flow) -> None:
        """Of all requests that end this login, in all processes, only one passes. Raises InvalidOidcLogin."""
        expires_at = datetime.fromtimestamp(flow.expires_at_s, UTC)
        new = insert(OidcUsedState).values(hash=hash_state(flow.state), expires_at=expires_at)
        async with session.begin():
            used = await session.scalar(new.on_conflict_do_nothing().returning(OidcUsedState.hash))
        if used is None:
            raise InvalidOidcLogin

    async def log_in(self, session: AsyncSession, person: Person) -> Tokens:
        """Raises UnverifiedEmail, EmailHasAccount, RegistrationClosed, AccountDisabled."""
        return await self._log_in(session, person, self._accounts.begin_session)

    async def log_in_browser(self, session: AsyncSession, person: Person, browser: Browser) -> str:
        """The secret of the new session's cookie. Raises as `log_in` does."""

        async def begin(session: AsyncSession, user: User) -> str:
            return await self._accounts.begin_browser_session(session, user, browser)

        return await self._log_in(session, person, begin)

    async def _log_in(
        self, session: AsyncSession, person: Person, begin: Callable[[AsyncSession, User], Awaitable[T]]
    ) -> T:
        taken_over: int | None = None
        async with recorded_when_refused(session, person), session.begin():
            user = await _known(session, person)
            if user is None:
                user, is_taken_over = await self._link(session, person)
                taken_over = user.id if is_taken_over else None
            if user.is_disabled:
                raise AccountDisabled
            begun = await begin(session, user)
        if taken_over is not None:
            await self._revocations.report(user_subject(taken_over))
        return begun

    async def _link(self, session: AsyncSession, person: Person) -> tuple[User, bool]:
        """The user of a person who logs in for the first time, and whether the account existed before."""
        if person.email is None:
            raise UnverifiedEmail(self._provider)
        is_new = False
        user = await _of_email(session, person.email)
        if user is None:
            if not self._may_create:
                raise RegistrationClosed
            is_new = await insert_user(session, person.email) is not None
            user = await _of_email(session, person.email)
            assert user is not None
        # A concurrent login with the same identity has committed once the user is locked.
        known = await _known(session, person)
        if known is not None:
            return known, False
        if not is_new:
            await self._take_over(session, user, person)
        session.add(OidcIdentity(issuer=person.issuer, subject=person.subject, user_id=user.id))
        record(session, Action.IDENTITY_LINKED, user_subject(user.id), taken_over=not is_new)
        return user, not is_new

    async def _take_over(self, session: AsyncSession, user: User, person: Person) -> None:
        """Nobody proved that they owned the address when the account was created. A stranger may have created it, so
        their password, sessions and keys must end."""
        others = select(OidcIdentity.subject).where(
            OidcIdentity.user_id == user.id, OidcIdentity.issuer == person.issuer
        )
        # If the provider gives an address to another person, that person does not get the first one's account.
        if not self._may_link or await session.scalar(others.limit(1)) is not None:
            raise EmailHasAccount
        if user.is_disabled:
            raise AccountDisabled
        await replace_password(session, user, None)
        keys = update(ApiKey).where(ApiKey.user_id == user.id, ApiKey.revoked_at.is_(None))
        for key_id in await session.scalars(keys.values(revoked_at=func.now()).returning(ApiKey.id)):
            record(session, Action.KEY_REVOKED, key_subject(key_id), user=user_subject(user.id))


@contextlib.asynccontextmanager
async def recorded_when_refused(session: AsyncSession, person: Person | None = None) -> AsyncIterator[None]:
    """Pass `person` once it is known; the entry's target is then their account, if they have one."""
    try:
        yield
    except (
        AccountDisabled,
        EmailHasAccount,
        InvalidOidcLogin,
        OidcLoginRefused,
        OidcProviderFailed,
        RegistrationClosed,
        UnverifiedEmail,
    ) as refusal:
        async with session.begin():
            user = None
            if person is not None:
                user = await _known(session, person) or (person.email and await _of_email(session, person.email))
            record(session, Action.LOGIN_REFUSED, user_subject(user.id) if user else None, reason=refusal.type)
        raise


async def _known(session: AsyncSession, person: Person) -> User | None:
    """The locked user, who can be neither disabled nor deleted before the session has begun."""
    of_person = select(OidcIdentity.user_id).where(
        OidcIdentity.issuer == person.issuer, OidcIdentity.subject == person.subject
    )
    found: User | None = await session.scalar(select(User).where(User.id.in_(of_person)).with_for_update())
    return found


async def _of_email(session: AsyncSession, email: str) -> User | None:
    found: User | None = await session.scalar(select(User).where(User.email == email).with_for_update())
    return found
