"""The service of comments."""

import contextlib
from collections.abc import AsyncIterator

from shortener.comments.service import CommentService
from shortener.links.parts import LINKS
from shortener.parts import Part, Parts

COMMENTS = Part[CommentService]("comments")


@contextlib.asynccontextmanager
async def open_comments(parts: Parts) -> AsyncIterator[None]:
    parts[COMMENTS] = CommentService(parts[LINKS])
    yield
