"""Misses on the command line of this machine."""

from typing import Any

from pydantic import BaseModel

from shortener.http.pagination import Limit, PageCursor
from shortener.misses.listing import Wanted, list_paths
from shortener.misses.schemas import MissPathOut
from shortener.stores.parts import DATABASE
from shortener.terminal.local import Local, page_of, validated
from shortener.terminal.operations import Call


class _MissQuery(BaseModel):
    limit: Limit = 50
    cursor: PageCursor = None


async def list_some(local: Local, call: Call) -> dict[str, Any]:
    asked = validated(_MissQuery, call.query, "query")
    parts = await local.parts()
    async with parts[DATABASE].replica_session() as session:
        page, totals = await list_paths(session, Wanted(), asked.limit, asked.cursor)
    items = (MissPathOut.model_validate(row, from_attributes=True) for row in page.rows)
    return page_of(items, page, **totals._asdict())
