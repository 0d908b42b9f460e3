"""Lists of links on the command line of this machine. Other commands do without what lists import."""

from typing import Any

from shortener.access.memberships import ANONYMOUS, WorkspaceRef
from shortener.http.pagination import Limit, Order, PageCursor
from shortener.links.choices import Sort
from shortener.links.commands import opened
from shortener.links.filters import LinkFilter
from shortener.links.listing import list_links
from shortener.links.orders import ALL_WORKSPACES, WorkspaceFilter
from shortener.stores.parts import DATABASE
from shortener.terminal.local import Local, page_of, validated
from shortener.terminal.operations import Call


class LinkQuery(LinkFilter):
    """The query of a request for a list. An operator's list has the links of all workspaces, unless one is named."""

    workspace: WorkspaceRef | None = None
    limit: Limit = 20
    cursor: PageCursor = None
    sort: Sort = Sort.CREATED_AT
    order: Order = Order.DESC


def _whose(place: WorkspaceRef | None) -> WorkspaceFilter:
    if place is None:
        return ALL_WORKSPACES
    return None if place == ANONYMOUS else place


async def list_some(local: Local, call: Call) -> dict[str, Any]:
    asked = validated(LinkQuery, call.query, "query")
    async with opened(local) as command, command.parts[DATABASE].replica_session() as session:
        page = await list_links(
            session,
            _whose(asked.workspace),
            asked,
            local.settings.base_url,
            sort=asked.sort,
            order=asked.order,
            limit=asked.limit,
            cursor=asked.cursor,
        )
        items = (command.shown(link, clicks) for link, clicks, *_ in page.rows)
        return page_of(items, page, total_is_exact=page.is_total_exact)
