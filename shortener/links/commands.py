"""What the command line does with links: the same service as the API, on the database itself."""

from pydantic import ValidationError

from shortener.access.memberships import OPERATOR
from shortener.errors import Unprocessable
from shortener.links.schemas import LinkCreate
from shortener.links.service import LinkService
from shortener.processes.opened import Opened, opened
from shortener.screening.ban_list import BanList
from shortener.screening.destinations import own_hosts
from shortener.screening.policy import LinkPolicy
from shortener.settings import Settings


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
