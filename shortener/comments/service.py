"""Comments on links. Who sees a link sees its comments; each writer changes only their own. Each function is one short
transaction."""

import uuid
from collections.abc import Iterable
from datetime import datetime

import uuid_utils.compat
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import Caller
from shortener.access.models import Member, User
from shortener.comments.mentions import mentioned
from shortener.comments.models import Comment, CommentsRead
from shortener.comments.schemas import CommentOut
from shortener.errors import Conflict, Forbidden, NotFound
from shortener.event_loop.slices import gathered
from shortener.http.pagination import Key, Page, read_page
from shortener.links.ids import link_id_of
from shortener.links.models import Link
from shortener.links.service import LinkService
from shortener.notifications.kinds import NotificationKind
from shortener.notifications.service import notify

MAX_COMMENTS = 1000
# Members among whom mentions are looked for.
MAX_MEMBERS = 1000


class UnknownComment(NotFound):
    """The comment does not exist, was deleted, or is about another link.

    `GET /api/v1/links/{code}/comments`
    """

    type, title = "comment-not-found", "No such comment"

    def __init__(self) -> None:
        super().__init__("This link has no such comment.")


class OtherAuthor(Forbidden):
    """Somebody else wrote the comment.

    Write another comment.
    """

    type, title = "other-author", "Other author"

    def __init__(self) -> None:
        super().__init__("Only who wrote a comment can change or delete it.")


class TooManyComments(Conflict):
    """A link can have 1,000 comments.

    Delete some of yours.
    """

    type, title = "too-many-comments", "Too many comments"

    def __init__(self) -> None:
        super().__init__(f"A link can have at most {MAX_COMMENTS} comments.")


class CommentService:
    """Writes and reads comments."""

    def __init__(self, links: LinkService) -> None:
        self._links = links

    async def page(
        self, session: AsyncSession, caller: Caller, code: str, limit: int, cursor: str | None
    ) -> tuple[Page, int]:
        """Rows of comments, newest first, and how many the caller has not read. Raises UnknownLink, InvalidCursor."""
        async with session.begin():
            link = await self._links.find(session, caller, code)
            keys: list[Key] = [
                (Comment.created_at.expression, datetime),
                (Comment.id.expression, uuid.UUID),
            ]
            page = await read_page(
                session,
                select(Comment).where(Comment.link_id == link.id, Comment.deleted_at.is_(None)),
                keys,
                descending=True,
                name=f"comments:{link.id}",
                limit=limit,
                cursor=cursor,
            )
            return page, await count_unread(session, caller, link.id)

    async def add(self, session: AsyncSession, caller: Caller, code: str, text: str) -> Comment:
        """Raises UnknownLink, TooManyComments."""
        async with session.begin():
            link = await self._links.find(session, caller, code)
            there = select(func.count()).where(Comment.link_id == link.id, Comment.deleted_at.is_(None))
            if (await session.scalar(there) or 0) >= MAX_COMMENTS:
                raise TooManyComments
            comment = Comment(id=uuid_utils.compat.uuid7(), link_id=link.id, author_id=caller.user_id, body=text)
            await _mention(session, link, comment)
            session.add(comment)
            await session.flush()
            await session.refresh(comment, ["created_at", "edited_at", "deleted_at"])
        return comment

    async def change(self, session: AsyncSession, caller: Caller, code: str, id_: uuid.UUID, text: str) -> Comment:
        """Raises UnknownLink, UnknownComment, OtherAuthor. The same text again changes nothing."""
        async with session.begin():
            link, comment = await self._own(session, caller, code, id_)
            if comment.body != text:
                comment.body, comment.edited_at, comment.number = text, await session.scalar(select(func.now())), None
                await _mention(session, link, comment)
        return comment

    async def delete(self, session: AsyncSession, caller: Caller, code: str, id_: uuid.UUID) -> None:
        """Raises UnknownLink, UnknownComment, OtherAuthor."""
        async with session.begin():
            _, comment = await self._own(session, caller, code, id_)
            comment.body, comment.mentions = "", []
            comment.deleted_at, comment.number = await session.scalar(select(func.now())), None

    async def read(self, session: AsyncSession, caller: Caller, code: str, until: uuid.UUID) -> int:
        """Mark the comments up to this one as read; returns how many are unread then. Raises UnknownLink,
        UnknownComment."""
        async with session.begin():
            link = await self._links.find(session, caller, code)
            comment = await session.get(Comment, until)
            if comment is None or comment.link_id != link.id:
                raise UnknownComment
            mark = insert(CommentsRead).values(user_id=caller.user_id, link_id=link.id, read_at=comment.created_at)
            # A page of yesterday in another tab marks nothing as unread again.
            latest = func.greatest(CommentsRead.read_at, comment.created_at)
            await session.execute(
                mark.on_conflict_do_update(index_elements=["user_id", "link_id"], set_={"read_at": latest})
            )
            return await count_unread(session, caller, link.id)

    async def _own(self, session: AsyncSession, caller: Caller, code: str, id_: uuid.UUID) -> tuple[Link, Comment]:
        link = await self._links.find(session, caller, code)
        comment = await session.scalar(select(Comment).where(Comment.id == id_).with_for_update())
        if comment is None or comment.link_id != link.id or comment.deleted_at is not None:
            raise UnknownComment
        if comment.author_id != caller.user_id:
            raise OtherAuthor
        return link, comment


async def comments_out(session: AsyncSession, comments: Iterable[Comment]) -> list[CommentOut]:
    """The comments as the API gives them."""
    comments = list(comments)
    ids = {id_ for comment in comments for id_ in (comment.author_id, *comment.mentions) if id_ is not None}
    rows = await session.execute(select(User.id, User.email).where(User.id.in_(ids)))
    emails = {row[0]: row[1] for row in rows}
    return await gathered(
        CommentOut(
            id=comment.id,
            link=link_id_of(comment.link_id),
            author=None if comment.author_id is None else emails.get(comment.author_id),
            text=comment.body,
            mentions=[emails[id_] for id_ in comment.mentions if id_ in emails],
            created_at=comment.created_at,
            edited_at=comment.edited_at,
        )
        for comment in comments
    )


async def count_unread(session: AsyncSession, caller: Caller, link_id: int) -> int:
    """Comments of others that the caller has not read."""
    read_at = select(CommentsRead.read_at).where(
        CommentsRead.user_id == caller.user_id, CommentsRead.link_id == link_id
    )
    unread = select(func.count()).where(
        Comment.link_id == link_id,
        Comment.deleted_at.is_(None),
        Comment.author_id.is_distinct_from(caller.user_id),
        Comment.created_at > func.coalesce(read_at.scalar_subquery(), func.to_timestamp(0)),
    )
    return await session.scalar(unread) or 0


async def _mention(session: AsyncSession, link: Link, comment: Comment) -> None:
    """Note whom the comment mentions, and tell those who were not mentioned before."""
    comment.mentions = []
    if "@" not in comment.body:
        return
    rows = await session.execute(
        select(User.email, User.id)
        .join(Member, Member.user_id == User.id)
        .where(Member.workspace_id == link.workspace_id)
        .order_by(Member.created_at)
        .limit(MAX_MEMBERS)
    )
    comment.mentions = mentioned(comment.body, {row[0]: row[1] for row in rows})
    others = [user_id for user_id in comment.mentions if user_id != comment.author_id]
    if others:
        await notify(
            session,
            NotificationKind.MENTIONED,
            others,
            comment.id,
            link_id=link.id,
            workspace_id=link.workspace_id,
            comment_id=comment.id,
            by_user_id=comment.author_id,
        )
