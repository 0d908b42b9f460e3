"""Files that are made while they are sent."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from shortener.event_loop.slices import gathered
from shortener.http.pagination import Page
from shortener.http.streams import Stream
from shortener.stores.database import Database


async def download(pieces: AsyncGenerator[str, None], media_type: str, name: str) -> Stream:
    """Raises what the first piece raises: errors must come before the answer begins."""
    first = await anext(pieces)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(_after(first, pieces), media_type, headers)


async def _after(first: str, others: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    async with contextlib.aclosing(others):
        yield first
        async for each in others:
            yield each


async def page_by_page(
    database: Database,
    read: Callable[[AsyncSession, str | None], Awaitable[Page]],
    write: Callable[[Any], str],
    head: str,
) -> AsyncGenerator[str, None]:
    """A list in pieces, of which the first begins with the head. `read` gives the page at a cursor, and `write` one of
    its rows. Each page has a session of its own, so that a slow reader holds no connection."""
    cursor = None
    while True:
        async with database.replica_session() as session:
            page = await read(session, cursor)
            lines = await gathered(map(write, page.rows))
        yield head + "".join(lines)
        if page.next_cursor is None:
            return
        head, cursor = "", page.next_cursor
