"""/api/v1/tags"""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi import status as http

from shortener.access.memberships import InsufficientRole, UnknownWorkspace, WorkspaceRef
from shortener.access.routes import ApiRoute, CallerDep, needs
from shortener.access.scopes import Scope
from shortener.http.openapi import Tag, errors
from shortener.http.pagination import InvalidCursor, Limit, Order, PageCursor, Search, beside_items
from shortener.stores.sessions import Reader, Writer
from shortener.tags import service
from shortener.tags.answers import tag_out
from shortener.tags.choices import TagOrder
from shortener.tags.schemas import TagMerge, TagOut, TagPage, TagUpdate
from shortener.tags.service import TagExists, TagRow, UnknownTag

TAG = Tag("tags", "Words that group the links of a workspace.")

router = APIRouter(prefix="/api/v1/tags", tags=[TAG], route_class=ApiRoute)

TagPath = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00]+$", examples=["spring-sale"])]
Workspace = Annotated[
    WorkspaceRef | None,
    Query(
        description="Whose tags. Default: your personal workspace's. `anonymous` are those of links without an owner, "
        "where the settings leave them to everybody."
    ),
]


@router.get("", responses=errors(UnknownWorkspace, InvalidCursor), dependencies=[needs(Scope.LINKS_READ)])
async def get_tags(
    request: Request,
    session: Reader,
    caller: CallerDep,
    workspace: Workspace = None,
    limit: Limit = 100,
    cursor: PageCursor = None,
    q: Annotated[Search, Query(description="Part of the name.")] = None,
    sort: TagOrder = TagOrder.NAME,
    order: Order = Order.ASC,
) -> TagPage:
    """The tags of a workspace, used or not."""
    page = await service.list_tags(session, caller, workspace, q=q, sort=sort, order=order, limit=limit, cursor=cursor)
    return TagPage(items=[tag_out(TagRow(tag, links)) for tag, links, *_ in page.rows], **beside_items(request, page))


@router.patch(
    "/{tag}",
    responses=errors(UnknownWorkspace, InsufficientRole, UnknownTag, TagExists),
    dependencies=[needs(Scope.LINKS_WRITE)],
)
async def change_tag(
    tag: TagPath, body: TagUpdate, session: Writer, caller: CallerDep, workspace: Workspace = None
) -> TagOut:
    """Rename a tag, or change its color or description. All its links follow at once."""
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    return tag_out(await service.change(session, caller, workspace, tag, changes))


@router.post(
    "/{tag}/merge",
    responses=errors(UnknownWorkspace, InsufficientRole, UnknownTag),
    dependencies=[needs(Scope.LINKS_WRITE)],
)
async def merge_tag(
    tag: TagPath, body: TagMerge, session: Writer, caller: CallerDep, workspace: Workspace = None
) -> TagOut:
    """Give all links of this tag to another tag, and delete this one."""
    return tag_out(await service.merge(session, caller, workspace, tag, body.into))


@router.delete(
    "/{tag}",
    status_code=http.HTTP_204_NO_CONTENT,
    responses=errors(UnknownWorkspace, InsufficientRole, UnknownTag),
    dependencies=[needs(Scope.LINKS_WRITE)],
)
async def delete_tag(tag: TagPath, session: Writer, caller: CallerDep, workspace: Workspace = None) -> None:
    """Take the tag from all its links. The links stay."""
    await service.delete(session, caller, workspace, tag)
