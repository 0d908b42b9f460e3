"""Tags on the command line of this machine: the same service as the API's, in the operator's name."""

from typing import Any

from pydantic import BaseModel

from shortener.access.memberships import OPERATOR, WorkspaceRef
from shortener.http.pagination import Limit, Order, PageCursor, Search
from shortener.processes.command_line import command_session
from shortener.stores.parts import DATABASE
from shortener.tags import service
from shortener.tags.answers import tag_out
from shortener.tags.choices import TagOrder
from shortener.tags.schemas import TagMerge, TagUpdate
from shortener.tags.service import TagRow
from shortener.terminal.local import Local, page_of, validated
from shortener.terminal.operations import Call


class _Placed(BaseModel):
    """Whose tags. Default: those of links without an owner."""

    workspace: WorkspaceRef | None = None


class _TagQuery(_Placed):
    q: Search = None
    limit: Limit = 100
    cursor: PageCursor = None
    sort: TagOrder = TagOrder.NAME
    order: Order = Order.ASC


async def list_some(local: Local, call: Call) -> dict[str, Any]:
    asked = validated(_TagQuery, call.query, "query")
    parts = await local.parts()
    async with parts[DATABASE].replica_session() as session:
        page = await service.list_tags(
            session,
            OPERATOR,
            asked.workspace,
            q=asked.q,
            sort=asked.sort,
            order=asked.order,
            limit=asked.limit,
            cursor=asked.cursor,
        )
    return page_of((tag_out(TagRow(tag, links)) for tag, links, *_ in page.rows), page)


async def edit(local: Local, call: Call) -> dict[str, Any]:
    body, place = validated(TagUpdate, call.body), _place(call)
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    async with command_session(await local.parts()) as session:
        return _written(await service.change(session, OPERATOR, place, call.names["tag"], changes))


async def merge(local: Local, call: Call) -> dict[str, Any]:
    body, place = validated(TagMerge, call.body), _place(call)
    async with command_session(await local.parts()) as session:
        return _written(await service.merge(session, OPERATOR, place, call.names["tag"], body.into))


async def delete(local: Local, call: Call) -> None:
    async with command_session(await local.parts()) as session:
        await service.delete(session, OPERATOR, _place(call), call.names["tag"])


def _place(call: Call) -> WorkspaceRef | None:
    return validated(_Placed, call.query, "query").workspace


def _written(row: TagRow) -> dict[str, Any]:
    return tag_out(row).model_dump(mode="json")
