"""The most clicked links of a group. Its counts know the frequent links of each day; those are counted exactly."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.clicks.bounds import LINKS, OTHER
from shortener.figures.asked import Asked
from shortener.figures.reads import SERIES_OF_EACH, breakdown_reads, counted, union
from shortener.figures.rollups import complete_spans
from shortener.figures.spans import Grain, Interval, breakdown_spans, days_around, series_spans
from shortener.figures.stats import TOP, whole_today
from shortener.redirect.hosts import split_code

# Links that are counted exactly, of which the first are given.
CANDIDATES = 30
_READS = breakdown_reads(f"dimension = {LINKS} AND value <> '{OTHER}'")
_SQL = f"""
    SELECT code, title, clicks FROM (
        SELECT value::bigint AS link_id FROM ({{candidates}}) AS c GROUP BY 1
        ORDER BY sum({{counted}}) DESC, 1 LIMIT {CANDIDATES}
    ) AS each
    JOIN group_members USING (link_id) JOIN links ON links.id = each.link_id AND deleted_at IS NULL
    CROSS JOIN LATERAL (SELECT sum({{counted}})::bigint AS clicks FROM ({{series}}) AS s) AS exact
    WHERE group_id = :group AND clicks > 0 ORDER BY clicks DESC, links.id LIMIT {TOP}
"""


async def top_links(session: AsyncSession, group: int, asked: Asked) -> list[dict[str, Any]]:
    """Code, domain, title and clicks of each. `asked` begins and ends with a quarter of an hour."""
    end = whole_today(asked)
    first, last = days_around(asked.start, end)
    complete = (await complete_spans(session, group, first, last)).spans
    candidates, parameters = union(breakdown_spans(first, last, complete), _READS)
    spans = [span for span in series_spans(Interval.DAY, asked.start, end) if span.grain is not Grain.CLICK]
    series, of_series = union(spans, SERIES_OF_EACH)
    if not candidates or not series:
        return []
    # Both read days, but of different spans.
    for name, value in of_series.items():
        series = series.replace(f":{name}", f":exact_{name}")
        parameters[f"exact_{name}"] = value
    sql = _SQL.format(candidates=candidates, series=series, counted=counted(asked.bots))
    result = await session.execute(text(sql), {"link": group, "group": -group, **parameters})
    return [_item(row) for row in result]


def _item(row: Row[Any]) -> dict[str, Any]:
    domain, code = split_code(row.code)
    return {"code": code, "domain": domain, "title": row.title, "clicks": row.clicks}
