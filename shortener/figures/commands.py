"""Figures on the command line of this machine."""

from typing import Any
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel, Field

from shortener.access.memberships import OPERATOR
from shortener.figures.asked import UTC_ZONE, Compare, read_asked
from shortener.figures.documents import stats_document, written
from shortener.figures.spans import Interval
from shortener.http.moments import Moment
from shortener.links.commands import PARTS as LINK_PARTS
from shortener.links.commands import code_of
from shortener.links.parts import LINKS
from shortener.stores.parts import DATABASE
from shortener.terminal.local import Local, validated
from shortener.terminal.operations import Call


class _StatsQuery(BaseModel, arbitrary_types_allowed=True):
    """As `shortener.figures.query` has it."""

    since: Moment | None = Field(None, alias="from")
    until: Moment | None = Field(None, alias="to")
    interval: Interval = Interval.DAY
    tz: ZoneInfo = UTC_ZONE
    bots: bool = False
    compare: Compare | None = None


async def stats(local: Local, call: Call) -> dict[str, Any]:
    query, code = validated(_StatsQuery, call.query, "query"), code_of(call)
    compared = query.compare is not None
    asked = read_asked(query.since, query.until, query.interval, query.tz, bots=query.bots, is_compared=compared)
    parts = await local.parts(*LINK_PARTS)
    async with parts[DATABASE].replica_session() as session:
        link, _ = await parts[LINKS].get(session, OPERATOR, code)
        document: dict[str, Any] = orjson.loads(written(await stats_document(session, link.id, asked)))
    return document
