"""Clicks by weekday and hour in a time zone.

They are read from counts of quarters of an hour, since zones are not whole hours apart. A year has 35,000 of these, and
each lies on another page of the disk. Sums of a month have at most 672, one per quarter of the week in UTC. They are
read where the zone is as far from UTC at the month's beginning as at its end, and all the time between.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from shortener.event_loop.slices import gathered
from shortener.figures.asked import Asked
from shortener.figures.reads import SERIES, counted, read_of, union
from shortener.figures.rollups import QUARTERS_OF_WEEK, Summed, complete_spans
from shortener.figures.spans import QUARTER_GRAINS, Grain, Span, summed_spans, zone_offsets

# Clicks by weekday and hour in the zone, such as `mon 09`. Times are numbers here: to convert each would take longer
# than to read it. The epoch was a Thursday.
_COUNTED = """
    SELECT (ARRAY['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])[hour / 24 + 1] || to_char(hour % 24, ' FM00')
        AS value, clicks
    FROM (
        SELECT ((date_part('epoch', middle)::bigint + offset_s) / 3600 + 72) % 168 AS hour,
            sum({counted})::bigint AS clicks
        FROM (
            SELECT middle, clicks, bots,
                (CAST(:offsets_s AS int[]))[width_bucket(middle, CAST(:offset_starts AS timestamptz[]))] AS offset_s
            FROM ({union}) AS u
        ) AS l GROUP BY 1
    ) AS h
"""
# In place of a quarter of the week that of the month's first seven days.
_MIDDLE = (
    "start + make_interval(secs => (value::int * 900 - date_part('epoch', start)::bigint % 604800 + 604800) % 604800)"
)
_READS = SERIES | {
    Grain.MONTH: read_of(
        Grain.MONTH,
        "click_breakdown_monthly",
        f"{_MIDDLE} AS middle, clicks, 0 AS visitors, bots",
        only=f"dimension = {QUARTERS_OF_WEEK}",
    )
}


async def hours_of_week_sql(
    session: AsyncSession, subject: int, asked: Asked, summed: Summed | None = None
) -> tuple[str, dict[str, Any]]:
    """A statement for values with their clicks, and its parameters except `link`; empty for an empty span. `summed` is
    what is complete in the span, if that is known."""
    if asked.start >= asked.end:
        return "", {}
    offsets = await gathered(zone_offsets(asked.start, asked.end, asked.zone))
    summed = summed or await complete_spans(session, subject, asked.start, asked.end)
    months = steady_months(summed, asked.start, asked.end, [moment for moment, _ in offsets])
    rows_of, parameters = union(summed_spans(asked.start, asked.end, months, QUARTER_GRAINS), _READS)
    parameters |= {"offset_starts": [each for each, _ in offsets], "offsets_s": [offset_s for _, offset_s in offsets]}
    return _COUNTED.format(counted=counted(asked.bots), union=rows_of), parameters


def steady_months(summed: Summed, start: datetime, end: datetime, moved: Sequence[datetime]) -> Iterator[Span]:
    """The months with quarters of the week that lie in [start, end), and within which clocks are not moved."""
    for span in summed.spans:
        is_within = start <= span.start and span.end <= end
        if span.start in summed.with_quarters and is_within and not any(span.start < each < span.end for each in moved):
            yield span
