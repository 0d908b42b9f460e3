"""Comments on a link."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.memberships import Caller
from shortener.access.routes import CallerDep
from shortener.comments.api import Comments
from shortener.comments.mentions import MENTION
from shortener.comments.schemas import MAX_TEXT, CommentIn, CommentOut, ReadUntil
from shortener.comments.service import CommentService, comments_out
from shortener.dashboard.forms import Errors, errors_of, read_form, text_of, validated
from shortener.dashboard.page import redirect, render
from shortener.dashboard.reader import Visitor, VisitorDep
from shortener.dashboard.routes import PersonRoute
from shortener.dashboard.rows import state_of
from shortener.dashboard.templates import name_of
from shortener.dashboard.toasts import set_toast
from shortener.errors import ShortenerError
from shortener.http.pagination import PageCursor
from shortener.links.routes import ExistingCode, Links, link_out
from shortener.links.service import LinkService
from shortener.stores.sessions import Writer

router = APIRouter(prefix="/-/links/{code}/comments", route_class=PersonRoute, include_in_schema=False)

_LIMIT = 20
_REFUSED = (409, 422)
# A piece of a line, and whether it mentions somebody.
Piece = tuple[str, bool]


class Shown(NamedTuple):
    """A comment as the page shows it to its reader."""

    comment: CommentOut
    lines: list[list[Piece]]
    is_own: bool
    is_unread: bool


@router.head("")
@router.get("")
async def comments_page(
    code: ExistingCode,
    request: Request,
    session: Writer,
    caller: CallerDep,
    visitor: VisitorDep,
    links: Links,
    comments: Comments,
    cursor: PageCursor = None,
) -> Response:
    return await _page(code, request, session, caller, visitor, links, comments, cursor)


async def _page(
    code: str,
    request: Request,
    session: AsyncSession,
    caller: Caller,
    visitor: Visitor,
    links: LinkService,
    comments: CommentService,
    cursor: str | None = None,
    *,
    typed: str = "",
    errors: Errors | None = None,
) -> Response:
    link = link_out(request, *await links.get(session, caller, code))
    page, unread = await comments.page(session, caller, code, _LIMIT, cursor)
    rows = [row[0] for row in page.rows]
    found = await comments_out(session, rows)
    are_own = [row.author_id == caller.user_id for row in rows]
    values: dict[str, Any] = {
        "visitor": visitor,
        "link": link,
        "state": state_of(link, datetime.now(UTC)),
        "may_write": visitor.may_write_in(link.workspace),
        "comments": list(_shown(found, are_own, 0 if cursor else unread)),
        "unread_comments": unread,
        "next": page.next_cursor,
        "previous": page.previous_cursor,
        "here": f"/-/links/{name_of(link)}/comments",
        "typed": typed,
        "errors": errors or {},
        "most": MAX_TEXT,
    }
    return render(request, "comments.html", values, status=422 if errors else 200)


def _shown(comments: list[CommentOut], are_own: list[bool], unread: int) -> Iterator[Shown]:
    """The newest comments of others are those that are unread."""
    for comment, is_own in zip(comments, are_own, strict=True):
        is_unread = not is_own and unread > 0
        unread -= is_unread
        yield Shown(comment, list(_lines(comment)), is_own, is_unread)


def _lines(comment: CommentOut) -> Iterator[list[Piece]]:
    names = {name for email in comment.mentions for name in (email, email.partition("@")[0])}
    for line in comment.text.split("\n"):
        pieces, end = [], 0
        for match in MENTION.finditer(line):
            name = match[1].rstrip(".-")
            if name.lower() in names:
                pieces += [(line[end : match.start()], False), (f"@{name}", True)]
                end = match.start() + 1 + len(name)
        yield [*pieces, (line[end:], False)]


@router.post("")
async def add(
    code: ExistingCode,
    request: Request,
    session: Writer,
    caller: CallerDep,
    visitor: VisitorDep,
    links: Links,
    comments: Comments,
) -> Response:
    text = text_of(await read_form(request), "text")
    try:
        await comments.add(session, caller, code, validated(CommentIn, {"text": text}).text)
    except ShortenerError as error:
        if error.status not in _REFUSED:
            raise
        return await _page(
            code, request, session, caller, visitor, links, comments, typed=text, errors=errors_of(error)
        )
    return _back(request)


@router.post("/read")
async def read(
    code: ExistingCode, request: Request, session: Writer, caller: CallerDep, comments: Comments
) -> Response:
    """Mark the comments up to the newest that the page had as read."""
    asked = validated(ReadUntil, {"until": text_of(await read_form(request), "until")})
    await comments.read(session, caller, code, asked.until)
    return _back(request)


@router.post("/{comment_id}/edit")
async def edit(
    code: ExistingCode,
    comment_id: uuid.UUID,
    request: Request,
    session: Writer,
    caller: CallerDep,
    comments: Comments,
) -> Response:
    asked = validated(CommentIn, {"text": text_of(await read_form(request), "text")})
    await comments.change(session, caller, code, comment_id, asked.text)
    return _back(request)


@router.post("/{comment_id}/delete")
async def delete(
    code: ExistingCode,
    comment_id: uuid.UUID,
    request: Request,
    session: Writer,
    caller: CallerDep,
    comments: Comments,
) -> Response:
    await comments.delete(session, caller, code, comment_id)
    return set_toast(_back(request), "comment-deleted")


def _back(request: Request) -> Response:
    link, place, _rest = request.url.path.partition("/comments")
    return redirect(link + place)
