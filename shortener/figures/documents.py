"""Figures as the API and commands give them, without models: one for each bucket would take most of the time."""

from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.event_loop.slices import gathered
from shortener.figures.asked import Asked
from shortener.figures.stats import Figures, figures


async def stats_document(session: AsyncSession, subject: int, asked: Asked) -> dict[str, Any]:
    """Figures in the form of `StatsOut`. Raises InvalidSpan."""
    found = await figures(session, subject, asked)
    before = None
    if asked.is_compared:
        earlier = asked.before()
        before = await _members(await figures(session, subject, earlier, same=found.breakdowns))
        before |= {"from": earlier.start, "to": earlier.end}
    return {**await _members(found), "before": before}


async def _members(found: Figures) -> dict[str, Any]:
    series = await gathered(bucket._asdict() for bucket in found.series)
    breakdowns = {name: [count._asdict() for count in counts] for name, counts in found.breakdowns.items()}
    return {"clicks": found.clicks, "visitors": found.visitors, "bots": found.bots, "series": series, **breakdowns}


def written(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)
