"""Domains on the command line of this machine: the same service as the API's, in the operator's name."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import OPERATOR
from shortener.domains.answers import domain_out, verified_out
from shortener.domains.models import Domain
from shortener.domains.parts import DOMAINS, open_domains
from shortener.domains.schemas import DomainCreate, DomainList, DomainUpdate
from shortener.domains.service import DomainService
from shortener.errors import Unprocessable
from shortener.links.conditions import Host
from shortener.links.parts import open_directory
from shortener.processes.command_line import command_session
from shortener.redirect.parts import open_hosts
from shortener.screening.parts import open_ban_list
from shortener.terminal.local import Local, validated
from shortener.terminal.operations import Call

_PARTS = (open_ban_list, open_hosts, open_directory, open_domains)


class _Placed(BaseModel):
    workspace: uuid.UUID | None = None


class _Named(BaseModel):
    host: Host


class _Command(NamedTuple):
    domains: DomainService
    session: AsyncSession

    async def verified(self, domain: Domain) -> dict[str, Any]:
        return verified_out(domain, await self.domains.loops(self.session, domain)).model_dump(mode="json")


@contextlib.asynccontextmanager
async def _opened(local: Local) -> AsyncIterator[_Command]:
    parts = await local.parts(*_PARTS)
    async with command_session(parts) as session:
        yield _Command(parts[DOMAINS], session)


def _host(call: Call) -> str:
    return validated(_Named, call.names, "path").host


async def list_all(local: Local, call: Call) -> dict[str, Any]:
    workspace = validated(_Placed, call.query, "query").workspace
    async with _opened(local) as (domains, session):
        found = await domains.find(session, OPERATOR, workspace)
        return DomainList(items=list(map(domain_out, found))).model_dump(mode="json")


async def add(local: Local, call: Call) -> dict[str, Any]:
    request = validated(DomainCreate, call.body)
    if request.workspace is None:
        raise Unprocessable("Name the workspace that gets the domain: --workspace ID.")
    async with _opened(local) as (domains, session):
        added = await domains.add(session, OPERATOR, request.host, request.workspace)
        return domain_out(added).model_dump(mode="json")


async def verify(local: Local, call: Call) -> dict[str, Any]:
    async with _opened(local) as command:
        return await command.verified(await command.domains.verify(command.session, OPERATOR, _host(call)))


async def trust(local: Local, call: Call) -> dict[str, Any]:
    async with _opened(local) as command:
        return await command.verified(await command.domains.trust(command.session, _host(call)))


async def edit(local: Local, call: Call) -> dict[str, Any]:
    request = validated(DomainUpdate, call.body)
    async with _opened(local) as (domains, session):
        return domain_out(await domains.change(session, OPERATOR, _host(call), request)).model_dump(mode="json")


async def remove(local: Local, call: Call) -> None:
    async with _opened(local) as (domains, session):
        await domains.remove(session, OPERATOR, _host(call))
