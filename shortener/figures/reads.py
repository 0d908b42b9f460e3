"""The rows of counts that answer for parts of a time span, as SQL. Single clicks are read only where a span cuts a
quarter of an hour or an hour."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from shortener.clicks.models import DIMENSIONS
from shortener.event_loop.slices import gathered
from shortener.figures.spans import Grain, Span

# A dimension in which each click has a stored value: the sum is the number of clicks.
DEVICES = DIMENSIONS["devices"].number
_IMPLIED = ", ".join(f"({each.number}, '{each.implied}')" for each in DIMENSIONS.values() if each.implied is not None)
# Clicks by dimension and value, with those that are implied.
COUNTED_VALUES = f"""
    WITH stored AS (SELECT dimension, value, sum({{counted}})::bigint AS clicks FROM ({{union}}) AS u GROUP BY 1, 2)
    SELECT dimension, value, clicks FROM stored
    UNION ALL
    SELECT i.dimension, i.value, sum(CASE stored.dimension WHEN {DEVICES} THEN clicks ELSE -clicks END)::bigint
    FROM (VALUES {_IMPLIED}) AS i (dimension, value) JOIN stored ON stored.dimension IN ({DEVICES}, i.dimension)
    GROUP BY 1, 2
"""
# The rows to read of each span, by grain. Without OFFSET 0 the planner may scan a year to read a few days.
_READ = """
    SELECT {columns} FROM unnest(CAST(:{grain}_from AS timestamptz[]), CAST(:{grain}_to AS timestamptz[])) AS s (s, e)
    CROSS JOIN LATERAL (
        SELECT * FROM {table} WHERE link_id = {link} AND {time} >= s.s AND {time} < s.e AND {only} OFFSET 0
    ) AS c
"""
_VALUES = "start, dimension, value, clicks, bots"
_OF_A_CLICK = ", ".join(f"({dimension.number}, {dimension.column})" for dimension in DIMENSIONS.values())
STARTS = """ARRAY(
    SELECT to_timestamp(s) FROM unnest(CAST(CAST(:starts AS text) AS bigint[])) WITH ORDINALITY AS u (s, n) ORDER BY n
)"""


def read_of(
    grain: Grain, table: str, columns: str, time: str = "start", only: str = "true", link: str = ":link"
) -> str:
    """The rows of the grain's spans for which `only` holds."""
    return _READ.format(grain=grain.name.lower(), table=table, columns=columns, time=time, only=only, link=link)


SERIES = {
    Grain.DAY: read_of(
        Grain.DAY, "click_counts_daily", "start + interval '12 hours' AS middle, clicks, visitors, bots"
    ),
    Grain.QUARTER: read_of(Grain.QUARTER, "click_counts_15min", "start AS middle, clicks, visitors, bots"),
    Grain.CLICK: read_of(
        Grain.CLICK,
        "clicks",
        "at AS middle, (bot IS NULL)::int AS clicks, is_new_visitor::int AS visitors, (bot IS NOT NULL)::int AS bots",
        "at",
    ),
}
# Of many links at once, in whole quarters of an hour.
SERIES_OF_EACH = {
    grain: read_of(grain, table, "clicks, bots", link="each.link_id")
    for grain, table in ((Grain.DAY, "click_counts_daily"), (Grain.QUARTER, "click_counts_15min"))
}


def breakdown_reads(only: str = "true") -> dict[Grain, str]:
    """Reads of breakdowns, restricted by a condition on dimension and value."""
    of_clicks = read_of(
        Grain.CLICK,
        "clicks",
        "at AS start, v.dimension, v.value, (bot IS NULL)::int AS clicks, (bot IS NOT NULL)::int AS bots",
        "at",
    )
    return {
        Grain.MONTH: read_of(Grain.MONTH, "click_breakdown_monthly", _VALUES, only=only),
        Grain.DAY: read_of(Grain.DAY, "click_breakdown_daily", _VALUES, only=only),
        Grain.HOUR: read_of(Grain.HOUR, "click_breakdown_hourly", _VALUES, only=only),
        Grain.CLICK: f"{of_clicks} JOIN LATERAL (VALUES {_OF_A_CLICK}) AS v (dimension, value)"
        f" ON v.value IS NOT NULL AND {only}",
    }


def union(spans: Iterable[Span], reads: dict[Grain, str]) -> tuple[str, dict[str, Any]]:
    """A statement for all rows of these spans, and its parameters except `link`; empty without spans."""
    by_grain: dict[Grain, list[Span]] = {}
    for span in spans:
        by_grain.setdefault(span.grain, []).append(span)
    parameters: dict[str, Any] = {}
    for grain, of_grain in by_grain.items():
        name = grain.name.lower()
        parameters[f"{name}_from"] = [span.start for span in of_grain]
        parameters[f"{name}_to"] = [span.end for span in of_grain]
    return " UNION ALL ".join(reads[grain] for grain in sorted(by_grain)), parameters


def counted(bots: bool) -> str:
    return "clicks + bots" if bots else "clicks"


async def seconds(moments: Iterable[datetime]) -> str:
    """Whole seconds since the epoch, as an array for the database: the driver would take ten times as long to write the
    moments themselves, and could not be interrupted."""
    return array(await gathered(int(moment.timestamp()) for moment in moments))


def array(numbers: Iterable[int]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"
