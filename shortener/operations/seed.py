"""Links and a year of clicks for trying things out and for benchmarks.

Counts are summed up from the rows, so that they agree with them as those of real clicks do.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from random import Random

import asyncpg

from shortener.clicks.models import DIMENSIONS
from shortener.clicks.partitions import ensure_partitions, month_of
from shortener.figures.rollups import sum_up
from shortener.links.codes import Codes
from shortener.operations.sample_clicks import SampleClicks
from shortener.operations.sample_links import make_link, make_links

_COLUMNS = ", ".join(dimension.column for dimension in DIMENSIONS.values())
_SETS = ", ".join(f"({dimension.column})" for dimension in DIMENSIONS.values())
# `grouping` has a bit for each column that a row is not grouped by, that of the last column being 1.
_ALL = 2 ** len(DIMENSIONS) - 1
_NUMBERS = " ".join(
    f"WHEN {_ALL - 2 ** (len(DIMENSIONS) - n)} THEN {dimension.number}"
    for n, dimension in enumerate(DIMENSIONS.values(), 1)
)
# Of these links in one month; they are new, so that there is nothing to add to.
_COUNTS_SQL = (
    """
    INSERT INTO click_counts_15min (link_id, start, clicks, visitors, bots)
    SELECT link_id, date_bin('15 minutes', at, 'epoch'), count(*) - count(bot), count(*) FILTER (WHERE is_new_visitor),
        count(bot)
    FROM clicks WHERE link_id = ANY($1::bigint[]) AND at >= $2 AND at < $3 GROUP BY 1, 2
    """,
    """
    INSERT INTO click_counts_daily (link_id, start, clicks, visitors, bots)
    SELECT link_id, date_bin('1 day', start, 'epoch'), sum(clicks), sum(visitors), sum(bots)
    FROM click_counts_15min WHERE link_id = ANY($1::bigint[]) AND start >= $2 AND start < $3 GROUP BY 1, 2
    """,
    f"""
    INSERT INTO click_breakdown_hourly (link_id, start, dimension, value, clicks, bots)
    SELECT * FROM (
        SELECT link_id, hour, CASE grouping({_COLUMNS}) {_NUMBERS} END AS dimension, coalesce({_COLUMNS}) AS value,
            count(*) - count(bot), count(bot)
        FROM (SELECT *, date_bin('1 hour', at, 'epoch') AS hour FROM clicks
            WHERE link_id = ANY($1::bigint[]) AND at >= $2 AND at < $3) AS c
        GROUP BY link_id, hour, GROUPING SETS ({_SETS})
    ) AS counted WHERE value IS NOT NULL
    """,
)
_TOTALS_SQL = """
    INSERT INTO click_totals (link_id, clicks, visitors, bots)
    SELECT link_id, sum(clicks), sum(visitors), sum(bots) FROM click_counts_daily WHERE link_id = ANY($1::bigint[])
    GROUP BY 1
"""
_TABLES = (
    "links", "clicks", "click_counts_15min", "click_counts_daily", "click_breakdown_hourly", "click_breakdown_daily",
    "click_breakdown_monthly", "click_totals",
)  # fmt: skip
# A month of a busy link takes longer than any request may.
_NO_TIMEOUT_S = 24 * 3600


class NotEmpty(ValueError):
    """Made-up clicks would be mixed with real ones."""


async def seed(
    connection: asyncpg.Connection,
    *,
    links: int,
    clicks: int,
    days: int,
    code: str | None,
    codes: Codes,
    force: bool,
    tell: Callable[[int], None],
    number: int = 1,
) -> None:
    """Make links, or one of this code, and their clicks on the days before today, all or nothing of a month. On the
    same day the same number makes the same ones.

    `tell` is called with the number of clicks that were made. Raises NotEmpty, CodeTaken.
    """
    if not force and await connection.fetchval("SELECT EXISTS (SELECT FROM links)"):
        raise NotEmpty("The database holds links already. To add to them, say --force.")
    today = datetime.now(UTC).date()
    wanted = [today - timedelta(days=n) for n in range(days, 0, -1)]
    chance = Random(number)  # noqa: S311
    if code is None:
        made = await make_links(connection, chance, links, codes, wanted)
    else:
        made = [await make_link(connection, code, wanted[0])]
    ids = [link.id for link in made]
    samples = SampleClicks(chance, made, wanted)
    by_day = dict(zip(wanted, _shares(clicks, [samples.weight(*each) for each in enumerate(wanted)]), strict=True))
    for _, group in groupby(wanted, month_of):
        month = list(group)
        await ensure_partitions(connection, set(month), visitors=False)
        async with connection.transaction():
            for day in month:
                await samples.make(connection, day, by_day[day], _NO_TIMEOUT_S)
                tell(by_day[day])
            span = _midnight(month[0]), _midnight(month[-1] + timedelta(days=1))
            for sql in _COUNTS_SQL:
                await connection.execute(sql, ids, *span, timeout=_NO_TIMEOUT_S)
    await connection.execute(_TOTALS_SQL, ids)
    await sum_up(connection, ids, _midnight(wanted[0]), _midnight(today), timeout_s=_NO_TIMEOUT_S)
    for table in _TABLES:
        await connection.execute(f"VACUUM (ANALYZE) {table}", timeout=_NO_TIMEOUT_S)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _shares(total: int, weights: list[float]) -> list[int]:
    """Whole numbers in proportion to the weights, whose sum is the total."""
    shares, given, weight = [], 0, 0.0
    for part in weights:
        weight += part
        shares.append(round(total * weight / sum(weights)) - given)
        given += shares[-1]
    return shares
