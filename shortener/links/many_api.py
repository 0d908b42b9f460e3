"""/api/v1/links and /api/v1/links/bulk: lists of links, and many at once"""

import hashlib
from functools import partial
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from shortener.access.memberships import InsufficientRole, UnknownWorkspace, WorkspaceRef, readable
from shortener.access.routes import ApiRoute, CallerDep, Opening, needs
from shortener.access.scopes import Scope
from shortener.event_loop.slices import gathered
from shortener.http.openapi import errors
from shortener.http.pagination import AskedPage, InvalidCursor, Order, asked_page, beside_items
from shortener.http.pieces import answer_of, json_list
from shortener.limits.parts import client_name
from shortener.links.bulk_answer import bulk_answer
from shortener.links.bulk_change import ChosenLinks, LinksChange, LinksResult, ManyLinks, Once
from shortener.links.choices import Sort
from shortener.links.export import JSON_LINES, Format, export
from shortener.links.idempotency import IdempotencyKeyReused, bulk_fingerprint
from shortener.links.listing import list_links

# A thousand of the longest URLs, each with the longest title, whose characters JSON writes in six bytes each. A parser
# takes 1.3 to 2.1 ms per MB to find the links in it, in one piece.
from shortener.links.routes import TAG, AskedLinks, Creation, Evict, IdempotencyHeader, Links, link_out
from shortener.links.schemas import (
    BulkCreate,
    BulkOut,
    Include,
    LinkOut,
    LinkPage,
)
from shortener.links.sparklines import sparklines
from shortener.parts import parts_of
from shortener.screening.parts import BAN_LIST
from shortener.stores.parts import DATABASE
from shortener.stores.sessions import Reader, Writer

MAX_BULK_BODY_BYTES = 10 * 1024 * 1024

router = APIRouter(prefix="/api/v1/links", tags=[TAG], route_class=ApiRoute)


@router.get(
    "",
    response_model=LinkPage,
    responses={
        200: {"content": {kind: {"schema": {"type": "string"}} for kind in ("text/csv", JSON_LINES)}},
        **errors(UnknownWorkspace, InvalidCursor),
    },
    dependencies=[needs(Scope.LINKS_READ)],
)
async def get_links(
    request: Request,
    session: Reader,
    caller: CallerDep,
    asked: AskedLinks,
    place: Annotated[AskedPage, Depends(asked_page)],
    workspace: Annotated[
        WorkspaceRef | None,
        Query(
            description="Whose links. Default: your personal workspace's. `anonymous` are those without an owner, "
            "where the settings leave them to everybody."
        ),
    ] = None,
    sort: Sort = Sort.CREATED_AT,
    order: Order = Order.DESC,
    include: Annotated[list[Include], Query(max_length=len(Include))] = [],  # noqa: B006  (FastAPI copies it)
    format: Annotated[  # noqa: A002
        Format, Query(description="`csv` and `jsonl` stream all links that match, whatever the page.")
    ] = Format.JSON,
) -> Response:
    """The links of a workspace for which all that is named holds, a page at a time."""
    parts = parts_of(request)
    # The primary is asked: on a replica a role may live for longer than a second.
    async with parts[DATABASE].driver_connection() as connection:
        workspace_id = await readable(connection, caller, workspace)
    if format is not Format.JSON:
        return await export(request, workspace_id, asked, sort, order, format)
    page = await list_links(
        session,
        workspace_id,
        asked,
        parts.settings.base_url,
        sort=sort,
        order=order,
        limit=place.limit,
        cursor=place.cursor,
        offset=place.offset,
    )
    lines = await sparklines(session, [row[0].id for row in page.rows]) if Include.SPARKLINE in include else {}
    # In slices: a page of links with many rules takes long.
    items = await gathered(
        _listed(link_out(request, link, clicks), lines.get(link.id)) for link, clicks, *_ in page.rows
    )
    return answer_of(
        json_list("items", items, {**beside_items(request, page, place), "total_is_exact": page.is_total_exact})
    )


def _listed(link: LinkOut, sparkline: list[int] | None) -> bytes:
    written = link.model_dump_json(by_alias=True).encode()
    return written if sparkline is None else b'%b,"sparkline":%b}' % (written[:-1], orjson.dumps(sparkline))


@router.post(
    "/bulk",
    response_model=BulkOut,
    response_model_exclude_none=True,
    responses=errors(UnknownWorkspace, InsufficientRole, IdempotencyKeyReused),
    dependencies=[needs(Scope.LINKS_WRITE, Opening.CREATE, is_charged_by_bytes=True)],
)
async def create_links(
    body: BulkCreate,
    request: Request,
    session: Writer,
    caller: CallerDep,
    creation: Creation,
    idempotency_key: IdempotencyHeader = None,
) -> Response:
    """Shorten up to 1,000 URLs in one transaction. Each link has a result of its own, in the order of the request:
    what is wrong with one keeps none of the others from being created. Counts as one request, and may have 10 MiB;
    the bytes of bulk requests are limited as well. With an `Idempotency-Key` a repeated request gives the first one's
    answer, whatever has become of the links since. Items with `reuse` get links that are there, and equal ones the same
    link. A dry run answers what would be done, and needs no such key."""
    parts = parts_of(request)
    write = partial(bulk_answer, base_url=parts.settings.base_url, ban_list=parts[BAN_LIST])
    if idempotency_key is None or body.dry_run:
        return answer_of(await write(await creation.create_many(session, caller, body)))
    client = client_name(request)
    fingerprint = await bulk_fingerprint(await request.json())
    answer = await creation.create_many_once(session, caller, body, write, client, idempotency_key, fingerprint)
    return answer_of(answer)


async def _once(request: Request, idempotency_key: IdempotencyHeader = None) -> Once:
    fingerprint = hashlib.sha256(request.method.encode() + await request.body()).digest()
    return Once(client_name(request), idempotency_key, fingerprint)


OnceDep = Annotated[Once, Depends(_once)]
_MANY = errors(UnknownWorkspace, InsufficientRole, IdempotencyKeyReused)


async def _many(request: Request, links: Links, evict: Evict) -> ManyLinks:
    return ManyLinks(links, evict, parts_of(request).settings.base_url)


Many = Annotated[ManyLinks, Depends(_many)]


@router.patch("/bulk", response_model=LinksResult, responses=_MANY, dependencies=[needs(Scope.LINKS_WRITE)])
async def change_links(body: LinksChange, session: Writer, caller: CallerDep, many: Many, once: OnceDep) -> Response:
    """Change up to 1,000 links in one transaction, each with a result of its own. With an `Idempotency-Key` a repeated
    request gives the first one's answer."""
    answer = await many.change(session, caller, body, once)
    return Response(answer, media_type="application/json")


@router.delete("/bulk", response_model=LinksResult, responses=_MANY, dependencies=[needs(Scope.LINKS_WRITE)])
async def delete_links(body: ChosenLinks, session: Writer, caller: CallerDep, many: Many, once: OnceDep) -> Response:
    """Delete up to 1,000 links in one transaction, each with a result of its own. Each can be restored for 30 days.
    With an `Idempotency-Key` a repeated request gives the first one's answer."""
    answer = await many.delete(session, caller, body, once)
    return Response(answer, media_type="application/json")
