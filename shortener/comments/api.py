"""/api/v1/links/{code}"""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi import status as http
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.routes import ApiRoute, CallerDep, needs_known
from shortener.access.scopes import Scope
from shortener.comments.models import Comment
from shortener.comments.parts import COMMENTS
from shortener.comments.schemas import CommentIn, CommentOut, CommentPage, ReadUntil, UnreadComments
from shortener.comments.service import CommentService, OtherAuthor, TooManyComments, UnknownComment, comments_out
from shortener.http.openapi import Tag, errors
from shortener.http.pagination import InvalidCursor, Limit, PageCursor, path_at
from shortener.links.routes import ExistingCode
from shortener.redirect.errors import LinkNotFound
from shortener.stores.sessions import Writer

TAG = Tag("comments", "The talk of a workspace's members about a link.")

router = APIRouter(prefix="/api/v1/links/{code}", tags=[TAG], route_class=ApiRoute)

Comments = Annotated[CommentService, Depends(COMMENTS)]
READS, WRITES = [needs_known(Scope.LINKS_READ)], [needs_known(Scope.LINKS_WRITE)]


async def _out(session: AsyncSession, comment: Comment) -> CommentOut:
    [out] = await comments_out(session, [comment])
    return out


@router.get("/comments", responses=errors(LinkNotFound, InvalidCursor), dependencies=READS)
async def get_comments(
    code: ExistingCode,
    request: Request,
    session: Writer,
    caller: CallerDep,
    comments: Comments,
    limit: Limit = 20,
    cursor: PageCursor = None,
) -> CommentPage:
    """The comments on a link, newest first."""
    page, unread = await comments.page(session, caller, code, limit, cursor)
    return CommentPage(
        items=await comments_out(session, (row[0] for row in page.rows)),
        unread=unread,
        next=path_at(request, page.next_cursor),
        previous=path_at(request, page.previous_cursor),
    )


@router.post(
    "/comments", status_code=http.HTTP_201_CREATED, responses=errors(LinkNotFound, TooManyComments), dependencies=WRITES
)
async def add_comment(
    code: ExistingCode, body: CommentIn, session: Writer, caller: CallerDep, comments: Comments
) -> CommentOut:
    """Comment on a link. Every member of its workspace can, including viewers. Members whom the text
    mentions are notified."""
    return await _out(session, await comments.add(session, caller, code, body.text))


@router.put("/comments-read", responses=errors(LinkNotFound, UnknownComment), dependencies=WRITES)
async def mark_comments_read(
    code: ExistingCode, body: ReadUntil, session: Writer, caller: CallerDep, comments: Comments
) -> UnreadComments:
    """Mark the comments up to this one as read by you."""
    return UnreadComments(unread=await comments.read(session, caller, code, body.until))


@router.patch(
    "/comments/{comment_id}", responses=errors(LinkNotFound, UnknownComment, OtherAuthor), dependencies=WRITES
)
async def change_comment(
    code: ExistingCode,
    comment_id: uuid.UUID,
    body: CommentIn,
    session: Writer,
    caller: CallerDep,
    comments: Comments,
) -> CommentOut:
    """Change a comment of yours. Whom it newly mentions is notified."""
    return await _out(session, await comments.change(session, caller, code, comment_id, body.text))


@router.delete(
    "/comments/{comment_id}",
    status_code=http.HTTP_204_NO_CONTENT,
    responses=errors(LinkNotFound, UnknownComment, OtherAuthor),
    dependencies=WRITES,
)
async def delete_comment(
    code: ExistingCode, comment_id: uuid.UUID, session: Writer, caller: CallerDep, comments: Comments
) -> None:
    """Delete a comment of yours."""
    await comments.delete(session, caller, code, comment_id)
