"""Commands for bans: the same service as the API, directly on the database."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.parts import REVOCATIONS, open_revocations
from shortener.accounts.commands import find_user
from shortener.http.problems import invalid_request
from shortener.links.commands import PARTS as LINK_PARTS
from shortener.moderation import users
from shortener.moderation.answers import ban_out
from shortener.moderation.bans import BanService
from shortener.moderation.kinds import Kind
from shortener.moderation.parts import BANS, open_bans
from shortener.moderation.schemas import BanCreate
from shortener.processes.command_line import command_parts, command_session
from shortener.settings import Settings


@contextlib.asynccontextmanager
async def _bans(settings: Settings) -> AsyncIterator[tuple[AsyncSession, BanService]]:
    openers = (*LINK_PARTS, open_revocations, open_bans)
    async with command_parts(settings, *openers) as parts, command_session(parts) as session:
        yield session, parts[BANS]


async def create_ban(settings: Settings, kind: Kind, value: str, reason: str, force: bool = False) -> int:
    """The ban's id. Every process follows within a second. Raises ShortenerError."""
    try:
        request = BanCreate(kind=kind, value=value, reason=reason, force=force)
    except ValidationError as error:
        raise invalid_request({**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()) from None
    async with _bans(settings) as (session, bans):
        ban = await bans.ban(session, request.kind, request.value, request.reason, force=request.force)
        return ban.id


async def list_bans(settings: Settings, is_lifted: bool, limit: int) -> dict[str, Any]:
    async with _bans(settings) as (session, bans):
        page = await bans.list_bans(session, None, is_lifted, limit, None)
    return {"items": [ban_out(row).model_dump(mode="json") for row in page.rows], "total": page.total}


async def lift_ban(settings: Settings, ban_id: int) -> None:
    """Raises UnknownBan."""
    async with _bans(settings) as (session, bans):
        await bans.lift(session, ban_id)


async def set_disabled(settings: Settings, email: str, is_disabled: bool) -> None:
    """Logins and keys of a disabled user are refused in every process within a second. Raises UnknownUser,
    UserBanned."""
    async with command_parts(settings, open_revocations) as parts, command_session(parts) as session:
        async with session.begin():
            user = await find_user(session, email)
        await users.set_disabled(session, parts[REVOCATIONS], user.id, is_disabled)
