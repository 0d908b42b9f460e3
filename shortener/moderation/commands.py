"""What the command line does with bans: the same service as the API, on the database itself."""

import contextlib
from collections.abc import AsyncIterator

from pydantic import ValidationError
from rich.table import Table
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.revocation import Revocations
from shortener.accounts.commands import find_user
from shortener.http.problems import invalid_request
from shortener.links.commands import link_service
from shortener.moderation import users
from shortener.moderation.bans import BanService
from shortener.moderation.models import Kind
from shortener.moderation.schemas import BanCreate
from shortener.processes.opened import opened
from shortener.screening.ban_list import BanList
from shortener.settings import Settings


@contextlib.asynccontextmanager
async def _bans(settings: Settings) -> AsyncIterator[tuple[AsyncSession, BanService]]:
    async with opened(settings) as servers, servers.session() as session:
        links = await link_service(settings, servers)
        ban_list = BanList(servers.database, None)
        yield session, BanService(servers.redis, ban_list, Revocations(servers.redis), links.evict)


async def create_ban(settings: Settings, kind: Kind, value: str, reason: str, force: bool = False) -> int:
    """The ban's id. Every process follows within a second. Raises ShortenerError."""
    try:
        request = BanCreate(kind=kind, value=value, reason=reason, force=force)
    except ValidationError as error:
        raise invalid_request({**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()) from None
    async with _bans(settings) as (session, bans):
        ban = await bans.ban(session, request.kind, request.value, request.reason, force=request.force)
        return ban.id


async def list_bans(settings: Settings, is_lifted: bool, limit: int) -> Table:
    table = Table("id", "kind", "value", "reason", "since", "by", box=None, padding=(0, 2))
    async with _bans(settings) as (session, bans):
        page = await bans.list_bans(session, None, is_lifted, limit, None)
    for row in page.rows:
        ban = row[0]
        said = (Text(text) for text in (ban.value, ban.reason))
        table.add_row(str(ban.id), ban.kind, *said, f"{ban.created_at:%Y-%m-%d}", row.created_by_email or "")
    return table


async def lift_ban(settings: Settings, ban_id: int) -> None:
    """Raises UnknownBan."""
    async with _bans(settings) as (session, bans):
        await bans.lift(session, ban_id)


async def set_disabled(settings: Settings, email: str, is_disabled: bool) -> None:
    """Logins and keys of a disabled user are refused in every process within a second. Raises UnknownUser,
    UserBanned."""
    async with opened(settings) as servers, servers.session() as session:
        async with session.begin():
            user = await find_user(session, email)
        await users.set_disabled(session, Revocations(servers.redis), user.id, is_disabled)
