"""/api/v1/stats and /api/v1/tags/{tag}/stats: figures of groups of links"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import UnknownWorkspace, WorkspaceRef, readable
from shortener.access.routes import ApiRoute, CallerDep, needs
from shortener.access.scopes import Scope
from shortener.errors import ShortenerError
from shortener.figures.answers import Value, dimension_answer, stats_answer
from shortener.figures.asked import Asked, InvalidSpan
from shortener.figures.dimensions import DimensionName
from shortener.figures.groups import TAG as OF_TAG
from shortener.figures.groups import WORKSPACE
from shortener.figures.models import FigureGroup
from shortener.figures.query import AskedDep
from shortener.figures.schemas import DimensionPage, GroupStatsOut
from shortener.figures.spans import whole_quarters
from shortener.figures.tag import TAG
from shortener.figures.top_links import top_links
from shortener.http.openapi import errors
from shortener.http.pagination import InvalidCursor, Limit, PageCursor, Search
from shortener.parts import parts_of
from shortener.stores.parts import DATABASE
from shortener.stores.sessions import Reader
from shortener.tags.api import TagPath
from shortener.tags.models import NO_WORKSPACE, Tag
from shortener.tags.service import UnknownTag, stored_name

workspace_router = APIRouter(prefix="/api/v1/stats", tags=[TAG], route_class=ApiRoute)
tag_router = APIRouter(prefix="/api/v1/tags/{tag}/stats", tags=[TAG], route_class=ApiRoute)

# No counts have this id.
_NOTHING = 0

Workspace = Annotated[
    WorkspaceRef | None,
    Query(description="Whose links. Default: your personal workspace's. `anonymous`: those without an owner."),
]
Part = Annotated[Search, Query(description="Part of the value.")]


async def _of_workspace(request: Request, session: Reader, caller: CallerDep, workspace: Workspace = None) -> int:
    async with parts_of(request)[DATABASE].driver_connection() as connection:
        workspace_id = await readable(connection, caller, workspace)
    return await subject_of(session, WORKSPACE, "" if workspace_id is None else str(workspace_id))


async def group_of_tag(
    request: Request, session: Reader, caller: CallerDep, tag: TagPath, workspace: Workspace = None
) -> int:
    async with parts_of(request)[DATABASE].driver_connection() as connection:
        place = await readable(connection, caller, workspace) or NO_WORKSPACE
    wanted = Tag.workspace_id == place, Tag.name == stored_name(tag), ~Tag.is_gone
    tag_id = await session.scalar(select(Tag.id).where(*wanted))
    if tag_id is None:
        raise UnknownTag(tag)
    return await subject_of(session, OF_TAG, str(tag_id))


async def subject_of(session: AsyncSession, kind: str, key: str) -> int:
    """The id that the group's clicks are counted under."""
    found = await session.scalar(select(FigureGroup.id).where(FigureGroup.kind == kind, FigureGroup.key == key))
    return _NOTHING if found is None else -found


async def _in_quarters(asked: AskedDep) -> Asked:
    start, end = whole_quarters(asked.start, asked.end)
    return asked._replace(start=start, end=end)


_AskedInQuarters = Annotated[Asked, Depends(_in_quarters)]


def add_group_routes(
    router: APIRouter,
    name: str,
    find: Callable[..., Awaitable[int]],
    admission: Any,
    faults: Sequence[type[ShortenerError]],
    description: str,
) -> None:
    """Add the figures of a group of links to the router. `find` is the dependency that gives the group's id, and
    `faults` are its errors; `admission` is the dependency that admits the client; `description` is that of the first
    route."""
    group_dep = Annotated[int, Depends(find)]

    async def stats(group: group_dep, asked: _AskedInQuarters, session: Reader) -> Response:
        return await stats_answer(session, group, asked, top_links=await top_links(session, group, asked))

    async def values(
        group: group_dep,
        dimension: DimensionName,
        asked: _AskedInQuarters,
        request: Request,
        session: Reader,
        value: Value = None,
        q: Part = None,
        limit: Limit = 50,
        cursor: PageCursor = None,
    ) -> Response:
        return await dimension_answer(request, session, group, asked, dimension, value, q=q, limit=limit, cursor=cursor)

    router.add_api_route(
        "",
        stats,
        name=f"get_{name}_stats",
        response_model=GroupStatsOut,
        responses=errors(*faults, InvalidSpan),
        dependencies=[admission],
        description=description,
    )
    router.add_api_route(
        "/{dimension}",
        values,
        name=f"get_{name}_dimension",
        response_model=DimensionPage,
        responses=errors(*faults, InvalidSpan, InvalidCursor),
        dependencies=[admission],
        description=f"All values of one dimension of a {name}, the most frequent first; or the series of one value.",
    )


add_group_routes(
    workspace_router,
    "workspace",
    _of_workspace,
    needs(Scope.STATS_READ),
    [UnknownWorkspace],
    "Figures of all links of a workspace together, and its most clicked links. They follow a click, and a link that "
    "comes or goes, within half a minute. Spans are widened to whole quarters of an hour, those of breakdowns to whole "
    "hours.",
)
add_group_routes(
    tag_router,
    "tag",
    group_of_tag,
    needs(Scope.STATS_READ),
    [UnknownWorkspace, UnknownTag],
    "Figures of all links with a tag, as those of a workspace. A link that gets the tag brings its past figures.",
)
