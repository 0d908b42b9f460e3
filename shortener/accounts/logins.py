"""Where a user is logged in: their sessions, and the end of one or of all others."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.models import Session
from shortener.access.principals import Principal, session_subject, user_subject
from shortener.access.revocation import Revocations
from shortener.access.tokens import hash_secret, new_browser_secret
from shortener.audit.trail import Action, record
from shortener.errors import NotFound
from shortener.http.pagination import Key, Page, read_page

_KEYS: list[Key] = [(Session.last_used_at.expression, datetime), (Session.id.expression, uuid.UUID)]
_ENDED_BY_USER = "ended by its user"


class UnknownSession(NotFound):
    """You have no session with this id, or it has ended."""

    type, title = "session-not-found", "No such session"

    def __init__(self) -> None:
        super().__init__("You have no such session.")


async def sessions_of(session: AsyncSession, user_id: int, limit: int, cursor: str | None) -> Page:
    """Rows of the sessions that go on, the last used first. Raises InvalidCursor."""
    statement = select(Session).where(*_going_on(user_id))
    return await read_page(session, statement, _KEYS, descending=True, name="sessions", limit=limit, cursor=cursor)


async def end_session(
    session: AsyncSession, revocations: Revocations, principal: Principal, session_id: uuid.UUID
) -> None:
    """Every process refuses it within a second. Raises UnknownSession, even if it is another user's."""
    ended = session_subject(session_id)
    async with session.begin():
        if await _end(session, principal, Session.id == session_id) == 0:
            raise UnknownSession
        owner = user_subject(principal.user_id)
        record(session, Action.SESSION_ENDED, ended, user=owner, reason="ended by its user")
    await revocations.report(ended)


async def end_other_sessions(session: AsyncSession, revocations: Revocations, principal: Principal) -> int:
    """End all sessions of the user but the one that asks; returns their number."""
    owner = user_subject(principal.user_id)
    async with session.begin():
        ended = await _end(session, principal, Session.id.is_distinct_from(principal.session_id))
        if ended:
            record(session, Action.SESSION_ENDED, owner, sessions=ended, reason="all others ended by their user")
    await revocations.report(owner)
    return ended


async def _end(session: AsyncSession, principal: Principal, which: ColumnElement[bool]) -> int:
    ended = update(Session).where(*_going_on(principal.user_id), which).values(revoked_at=func.now())
    result = await session.execute(ended.execution_options(synchronize_session=False))
    number: int = result.rowcount  # type: ignore[attr-defined]
    return number


def _going_on(user_id: int) -> tuple[Any, ...]:
    return Session.user_id == user_id, Session.revoked_at.is_(None), Session.expires_at > func.now()


async def renew_secret(session: AsyncSession, revocations: Revocations, principal: Principal) -> str:
    """A new secret for the cookie of this browser's session; the old one is refused from now on."""
    assert principal.session_id is not None
    secret = new_browser_secret()
    mine = update(Session).where(Session.id == principal.session_id).values(cookie_hash=hash_secret(secret))
    async with session.begin():
        await session.execute(mine)
    await revocations.report(session_subject(principal.session_id))
    return secret
