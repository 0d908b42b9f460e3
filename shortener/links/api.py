"""/api/v1/links"""

from functools import partial
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi import status as http

from shortener.access.memberships import Asker, Place, readable
from shortener.access.principals import Scope
from shortener.access.routes import ApiRoute, Opening, needs, principal_of
from shortener.http.openapi import errors
from shortener.http.pagination import Limit, PageCursor, Search, beside_items
from shortener.http.pieces import answer_of
from shortener.links.bulk_answer import bulk_answer
from shortener.links.idempotency import bulk_fingerprint
from shortener.links.listing import Order, Sort, list_links
from shortener.links.models import Link
from shortener.links.readable import SEARCHED_CHARACTERS
from shortener.links.schemas import BulkCreate, BulkOut, LinkCreate, LinkOut, LinkPage, LinkUpdate
from shortener.links.service import LinkService
from shortener.screening.destinations import host_of
from shortener.screening.lookalikes import Flag
from shortener.stores.database import Reader, Writer

router = APIRouter(prefix="/links", tags=["links"], route_class=ApiRoute)

ExistingCode = Annotated[str, Path(max_length=64, pattern="^[A-Za-z0-9_-]+$", examples=["k7Rm2pX"])]

_SEARCH = (
    f"Part of the code, of the title, or of the first {SEARCHED_CHARACTERS} characters of the URL, as it is stored or "
    "as people read it: with its host in Unicode and without percent-encoding."
)

IdempotencyHeader = Annotated[str | None, Header(min_length=1, max_length=255)]


async def _asker(request: Request) -> Asker:
    principal = principal_of(request)
    return Asker(None if principal is None else principal.user_id, request.app.state.settings.anonymous_may_manage)


AskerDep = Annotated[Asker, Depends(_asker)]


def link_out(request: Request, link: Link, clicks: int) -> LinkOut:
    return LinkOut(
        code=link.code,
        short_url=f"{request.app.state.settings.base_url}/{link.code}",
        url=link.url,
        title=link.title,
        created_at=link.created_at,
        updated_at=link.updated_at,
        expires_at=link.expires_at,
        disabled=link.is_disabled,
        banned=link.ban_id is not None or request.app.state.ban_list.state_of(host_of(link.url)) is not None,
        flag=None if link.flag is None else Flag(link.flag),
        clicks=clicks,
        workspace=link.workspace_id,
    )


@router.post(
    "",
    status_code=http.HTTP_201_CREATED,
    response_model=LinkOut,
    responses={
        201: {"headers": {"Location": {"description": "The new link.", "schema": {"type": "string"}}}},
        **errors(400, 401, 403, 404, 409, 413, 422, 429, 503),
    },
    dependencies=[needs(Scope.LINKS_WRITE, Opening.CREATE)],
)
async def create_link(
    body: LinkCreate,
    request: Request,
    session: Writer,
    asker: AskerDep,
    idempotency_key: IdempotencyHeader = None,
) -> Response:
    """Shorten a URL. With an `Idempotency-Key` a repeated request gives the first one's answer, whatever has become of
    the link since."""
    state = request.app.state
    service: LinkService = state.links

    def written(link: Link) -> bytes:
        return link_out(request, link, 0).model_dump_json().encode()

    if idempotency_key is None:
        answer = written(await service.create(asker, body))
    else:
        client = state.rate_limits.identity_of(request.scope).name
        answer = await service.create_once(session, asker, body, written, client, idempotency_key)
    path = request.app.url_path_for("get_link", code=orjson.loads(answer)["code"])
    return Response(answer, http.HTTP_201_CREATED, {"Location": str(path)}, "application/json")


@router.post(
    "/bulk",
    response_model=BulkOut,
    response_model_exclude_none=True,
    responses=errors(400, 401, 403, 404, 413, 422, 429, 503),
    dependencies=[needs(Scope.LINKS_WRITE, Opening.CREATE, is_charged_by_bytes=True)],
)
async def create_links(
    body: BulkCreate,
    request: Request,
    session: Writer,
    asker: AskerDep,
    idempotency_key: IdempotencyHeader = None,
) -> Response:
    """Shorten up to 1,000 URLs in one transaction. Each link has a result of its own, in the order of the request:
    what is wrong with one keeps none of the others from being created. Counts as one request, and may have 16 MiB;
    the bytes of bulk requests are limited as well. With an `Idempotency-Key` a repeated request gives the first one's
    answer, whatever has become of the links since."""
    state = request.app.state
    service: LinkService = state.links
    base_url = state.settings.base_url
    if idempotency_key is None:
        return answer_of(await bulk_answer(await service.create_many(session, asker, body), base_url))
    client = state.rate_limits.identity_of(request.scope).name
    write = partial(bulk_answer, base_url=base_url)
    fingerprint = await bulk_fingerprint(await request.json())
    answer = await service.create_many_once(session, asker, body, write, client, idempotency_key, fingerprint)
    return answer_of(answer)


@router.get("", responses=errors(400, 401, 403, 404, 422, 429, 503), dependencies=[needs(Scope.LINKS_READ)])
async def get_links(
    request: Request,
    session: Reader,
    asker: AskerDep,
    workspace: Annotated[
        Place | None,
        Query(
            description="Whose links. Default: your personal workspace's. `anonymous` are those without owner, where "
            "the settings leave them to everybody."
        ),
    ] = None,
    limit: Limit = 20,
    cursor: PageCursor = None,
    q: Annotated[Search, Query(description=_SEARCH)] = None,
    sort: Sort = Sort.CREATED_AT,
    order: Order = Order.DESC,
) -> LinkPage:
    """The links of a workspace, a page at a time."""
    # The primary is asked: on a replica a role may live for longer than a second.
    async with request.app.state.database.driver_connection() as connection:
        workspace_id = await readable(connection, asker, workspace)
    page = await list_links(session, workspace_id, q=q, sort=sort, order=order, limit=limit, cursor=cursor)
    items = [link_out(request, link, clicks) for link, clicks, *_ in page.rows]
    return LinkPage(items=items, **beside_items(request, page))


@router.get("/{code}", responses=errors(401, 403, 404, 422, 429, 503), dependencies=[needs(Scope.LINKS_READ)])
async def get_link(code: ExistingCode, request: Request, session: Writer, asker: AskerDep) -> LinkOut:
    """One link."""
    return link_out(request, *await request.app.state.links.get(session, asker, code))


@router.patch(
    "/{code}",
    responses=errors(400, 401, 403, 404, 409, 413, 422, 429, 503),
    dependencies=[needs(Scope.LINKS_WRITE)],
)
async def update_link(
    code: ExistingCode, body: LinkUpdate, request: Request, session: Writer, asker: AskerDep
) -> LinkOut:
    """Change a link, or move it to another workspace; every process follows within a second."""
    return link_out(request, *await request.app.state.links.update(session, asker, code, body))


@router.delete(
    "/{code}",
    status_code=http.HTTP_204_NO_CONTENT,
    responses=errors(401, 403, 404, 422, 429, 503),
    dependencies=[needs(Scope.LINKS_WRITE)],
)
async def delete_link(code: ExistingCode, request: Request, session: Writer, asker: AskerDep) -> None:
    """Delete a link. It answers 410 from then on, and its code is not handed out again."""
    await request.app.state.links.delete(session, asker, code)
