"""Links on the command line of this machine: the same services as the API's, in the operator's name."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import OPERATOR
from shortener.hashing.parts import open_hashes
from shortener.links.answers import link_out
from shortener.links.conditions import Host
from shortener.links.ids import number_of
from shortener.links.models import Link
from shortener.links.parts import CREATION, LINKS, open_directory, open_links
from shortener.links.schemas import AliasCreate, AliasList, AliasOut, LinkCreate, LinkOut, LinkUpdate
from shortener.links.service import LinkService
from shortener.parts import Parts
from shortener.processes.command_line import command_session
from shortener.redirect.hosts import qualified, short_url, split_code
from shortener.redirect.parts import open_hosts
from shortener.screening.parts import BAN_LIST, open_ban_list
from shortener.terminal.local import Local, validated
from shortener.terminal.operations import Call

# For a command that changes links.
PARTS = (open_ban_list, open_hosts, open_directory, open_hashes, open_links)


class _On(BaseModel):
    domain: Host | None = None


def code_of(call: Call) -> str:
    """The code with its domain in front, or an id, which needs none. Raises Unprocessable."""
    code = call.names["code"]
    return code if number_of(code) is not None else qualified(code, validated(_On, call.query, "query").domain)


class _Command(NamedTuple):
    parts: Parts
    session: AsyncSession

    @property
    def links(self) -> LinkService:
        return self.parts[LINKS]

    def shown(self, link: Link, clicks: int) -> LinkOut:
        return link_out(link, clicks, self.parts.settings.base_url, self.parts[BAN_LIST])

    def written(self, link: Link, clicks: int) -> dict[str, Any]:
        return self.shown(link, clicks).model_dump(mode="json", by_alias=True)

    def alias(self, stored_code: str) -> AliasOut:
        domain, code = split_code(stored_code)
        return AliasOut(code=code, domain=domain, short_url=short_url(self.parts.settings.base_url, stored_code))


@contextlib.asynccontextmanager
async def opened(local: Local) -> AsyncIterator[_Command]:
    parts = await local.parts(*PARTS)
    async with command_session(parts) as session:
        yield _Command(parts, session)


async def create(local: Local, call: Call) -> dict[str, Any]:
    request = validated(LinkCreate, call.body)
    async with opened(local) as command:
        link, clicks, *_ = await command.parts[CREATION].create_or_reuse(command.session, OPERATOR, request)
        return command.written(link, clicks)


async def show(local: Local, call: Call) -> dict[str, Any]:
    async with opened(local) as command:
        return command.written(*await command.links.get(command.session, OPERATOR, code_of(call)))


async def edit(local: Local, call: Call) -> dict[str, Any]:
    request = validated(LinkUpdate, call.body)
    async with opened(local) as command:
        return command.written(*await command.links.update(command.session, OPERATOR, code_of(call), request))


async def delete(local: Local, call: Call) -> None:
    async with opened(local) as command:
        await command.links.delete(command.session, OPERATOR, code_of(call))


async def restore(local: Local, call: Call) -> dict[str, Any]:
    async with opened(local) as command:
        return command.written(*await command.links.restore(command.session, OPERATOR, code_of(call)))


async def aliases(local: Local, call: Call) -> dict[str, Any]:
    async with opened(local) as command:
        codes = await command.links.aliases(command.session, OPERATOR, code_of(call))
        return AliasList(items=[command.alias(code) for code in codes]).model_dump(mode="json")


async def add_alias(local: Local, call: Call) -> dict[str, Any]:
    request = validated(AliasCreate, call.body)
    async with opened(local) as command:
        code = await command.links.add_alias(command.session, OPERATOR, code_of(call), request.code)
        return command.alias(code).model_dump(mode="json")


async def remove_alias(local: Local, call: Call) -> None:
    async with opened(local) as command:
        await command.links.remove_alias(command.session, OPERATOR, code_of(call), call.names["alias"])
