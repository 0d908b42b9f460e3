"""What the command line does with links: the same services as the API, on the database itself."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from rich.console import Group
from rich.table import Table

from shortener.access.memberships import OPERATOR
from shortener.clicks.dead_letters import DeadLetters
from shortener.errors import Unprocessable
from shortener.figures.schemas import read_span
from shortener.figures.spans import Interval
from shortener.figures.stats import Figures, figures
from shortener.links.codes import check_custom_code
from shortener.links.models import Link
from shortener.links.schemas import LinkCreate
from shortener.links.service import LinkService
from shortener.processes.opened import Opened, opened
from shortener.screening.ban_list import BanList
from shortener.screening.destinations import own_hosts
from shortener.screening.policy import LinkPolicy
from shortener.seed import seed as make_seed
from shortener.settings import Settings
from shortener.stores.database import Database
from shortener.stores.redis import create_redis


async def link_service(settings: Settings, servers: Opened) -> LinkService:
    """What the app has, for one command."""
    ban_list = BanList(servers.database, settings.block_list)
    await ban_list.start()
    own = own_hosts(settings.base_url, settings.port)
    policy = LinkPolicy(ban_list, settings)
    return LinkService(servers.database, servers.redis, own, policy, settings.code_length, bulk_at_once=1)


async def shorten(settings: Settings, url: str, code: str | None) -> str:
    """Create a link; returns its short URL. Raises ShortenerError."""
    try:
        request = LinkCreate(url=url, code=code)
    except ValidationError as error:
        raise Unprocessable(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    async with opened(settings) as servers:
        links = await link_service(settings, servers)
        link = await links.create(OPERATOR, request)
    return f"{settings.base_url}/{link.code}"


async def stats(settings: Settings, code: str) -> Group:
    """The figures of a link's last 30 days. Raises ShortenerError."""
    zone = ZoneInfo("UTC")
    now = datetime.now(UTC)
    start, end = read_span(None, None, Interval.DAY, zone, now)
    async with opened(settings) as servers, servers.database.replica_session() as session:
        links = await link_service(settings, servers)
        link, total = await links.get(session, OPERATOR, code)
        found = await figures(session, link.id, start, end, Interval.DAY, zone, bots=False, now=now)
    return _show(settings, link, total, found)


async def seed(
    settings: Settings, links: int, clicks: int, days: int, code: str | None, force: bool, tell: Callable[[int], None]
) -> None:
    """Make links and clicks. Raises ShortenerError."""
    settings.require("database_url")
    database = Database(settings)
    try:
        async with database.driver_connection() as connection:
            await make_seed(
                connection,
                links=links,
                clicks=clicks,
                days=days,
                code=code and check_custom_code(code),
                code_length=settings.code_length,
                force=force,
                tell=tell,
            )
    except ValueError as error:
        raise Unprocessable(str(error)) from None
    finally:
        await database.close()


def _show(settings: Settings, link: Link, total: int, found: Figures) -> Group:
    head = Table.grid(padding=(0, 2))
    head.add_row("link", f"{settings.base_url}/{link.code} → {link.url}")
    head.add_row("clicks", f"{total} in all; {found.clicks} in the last 30 days")
    head.add_row("visitors", str(found.visitors))
    head.add_row("bots", str(found.bots))
    values = Table(box=None, padding=(0, 2))
    for name in ("", "value", "clicks"):
        values.add_column(name, justify="right" if name == "clicks" else "left")
    for name, counts in found.breakdowns.items():
        for n, count in enumerate(counts[:5]):
            values.add_row(name if n == 0 else "", count.value or "–", str(count.clicks))
    return Group(head, values) if values.row_count else Group(head)


async def dead_letters(settings: Settings, limit: int) -> Table:
    """The oldest batches that could not be counted, and why. Raises RedisError."""
    table = Table("id", "reason", "age", box=None, padding=(0, 2))
    async with _letters(settings) as letters:
        for letter in await letters.oldest(limit):
            table.add_row(letter.id, letter.reason, _age(time.time() - letter.buried_at_s))
    return table


async def replay(settings: Settings, limit: int | None) -> int:
    """Give batches that could not be counted to the workers again; returns their number. Raises RedisError."""
    async with _letters(settings) as letters:
        return await letters.replay(limit)


@contextlib.asynccontextmanager
async def _letters(settings: Settings) -> AsyncIterator[DeadLetters]:
    settings.require("redis_url")
    redis = create_redis(settings.redis_url)
    try:
        yield DeadLetters(redis)
    finally:
        await redis.aclose()


def _age(seconds: float) -> str:
    for unit, length_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds // length_s:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
