"""Clicks by weekday and hour in a time zone.

They are read from counts of quarters of an hour, since zones are not whole hours apart. A year has 35,000 of these, and
each lies on another page of the disk. Sums of a month have at most 672, one per quarter of the week in UTC, and those
of a day 96, side by side. They are read where the zone is as far from UTC at their beginning as at their end, and all
the time between.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from shortener.event_loop.slices import gathered
from shortener.figures.asked import Asked
from shortener.figures.reads import counted, read_of, union
from shortener.figures.rollups import QUARTERS_OF_WEEK, Summed, complete_spans
from shortener.figures.spans import QUARTER_GRAINS, Grain, Span, summed_spans, zone_offsets

# Clicks by weekday and hour in the zone, such as `mon 09`.
_COUNTED = """
    SELECT (ARRAY['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])[hour / 24 + 1] || to_char(hour % 24, ' FM00')
        AS value, clicks
    FROM (SELECT hour, sum({counted})::bigint AS clicks FROM ({union}) AS u GROUP BY 1) AS h
"""
_OFFSET_S = "(CAST(:offsets_s AS int[]))[width_bucket({at}, CAST(:offset_starts AS timestamptz[]))]"


def _hour(at: str, second: str | None = None) -> str:
    """The hour of the week, from Monday on. The epoch, from which seconds are counted, was a Thursday. Times are
    numbers here: to convert each would take longer than to read it. A week more keeps the number positive."""
    second = second or f"date_part('epoch', {at})::bigint"
    return f"(({second} + {_OFFSET_S.format(at=at)} + 604800) / 3600 + 72) % 168 AS hour"


# The value of a sum is the number of its quarter. Within a sum the zone's offset is the same.
_OF_SUMS = f"{_hour('start', 'value::int * 900')}, clicks, bots"
_OF_CLICKS = f"{_hour('at')}, (bot IS NULL)::int AS clicks, (bot IS NOT NULL)::int AS bots"
_READS = {
    grain: read_of(grain, table, _OF_SUMS, only=f"dimension = {QUARTERS_OF_WEEK}")
    for grain, table in ((Grain.MONTH, "click_breakdown_monthly"), (Grain.DAY, "click_breakdown_daily"))
} | {
    Grain.QUARTER: read_of(Grain.QUARTER, "click_counts_15min", f"{_hour('start')}, clicks, bots"),
    Grain.CLICK: read_of(Grain.CLICK, "clicks", _OF_CLICKS, "at"),
}


class Offsets(NamedTuple):
    """From which moments on, in UTC and ascending, a zone is how many seconds ahead of UTC."""

    starts: list[datetime]
    offsets_s: list[int]

    @property
    def moves(self) -> list[datetime]:
        """When clocks are moved."""
        return self.starts[1:]


async def offsets_of(asked: Asked) -> Offsets:
    found = await gathered(zone_offsets(asked.start, asked.end, asked.zone))
    return Offsets([start for start, _ in found], [offset_s for _, offset_s in found])


async def hours_of_week_sql(
    session: AsyncSession, subject: int, asked: Asked, offsets: Offsets | None = None, summed: Summed | None = None
) -> tuple[str, dict[str, Any]]:
    """A statement for values with their clicks, and its parameters except `link`; empty for an empty span. `summed` is
    what is complete in the span, with the offsets' moves of clocks as cuts, if that is known."""
    if asked.start >= asked.end:
        return "", {}
    offsets = offsets or await offsets_of(asked)
    summed = summed or await complete_spans(session, subject, asked.start, asked.end, offsets.moves)
    spans = summed_spans(asked.start, asked.end, within(summed.with_quarters, asked.start, asked.end), QUARTER_GRAINS)
    rows_of, parameters = union(spans, _READS)
    parameters |= {"offset_starts": offsets.starts, "offsets_s": offsets.offsets_s}
    return _COUNTED.format(counted=counted(asked.bots), union=rows_of), parameters


def within(spans: Iterable[Span], start: datetime, end: datetime) -> Iterator[Span]:
    """Those that lie in [start, end): breakdowns of groups begin with the hour, before the span."""
    return (span for span in spans if start <= span.start and span.end <= end)
