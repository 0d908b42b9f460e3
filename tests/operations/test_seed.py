"""Made-up clicks agree with their counts as real ones do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shortener.links.inserts import CodeTaken
from shortener.operations.seed import NotEmpty, seed
from shortener.stores.database import Database
from tests.clicks.make import rows_of

SERIES = """
    SELECT link_id, date_bin($1::interval, at, 'epoch'), count(*) FILTER (WHERE bot IS NULL),
        count(*) FILTER (WHERE is_new_visitor), count(*) FILTER (WHERE bot IS NOT NULL)
    FROM clicks GROUP BY 1, 2 ORDER BY 1, 2
"""
BREAKDOWN = """
    SELECT link_id, date_bin('1 hour', at, 'epoch'), dimension, value, count(*) FILTER (WHERE bot IS NULL),
        count(*) FILTER (WHERE bot IS NOT NULL)
    FROM clicks CROSS JOIN LATERAL (VALUES
        (1, referrer_host), (2, country), (3, browser), (4, system), (5, device)) AS v (dimension, value)
    GROUP BY 1, 2, 3, 4
"""

# Of the days and months that are over and have enough clicks.
ROLLUPS = """
    SELECT link_id, date_trunc($1, at), dimension, value, count(*) FILTER (WHERE bot IS NULL),
        count(*) FILTER (WHERE bot IS NOT NULL)
    FROM clicks CROSS JOIN LATERAL (VALUES
        (1, referrer_host), (2, country), (3, browser), (4, system), (5, device)) AS v (dimension, value)
    WHERE (link_id, date_trunc($1, at)) IN (SELECT link_id, date_trunc($1, at) FROM clicks
        WHERE at < date_trunc($1, now()) GROUP BY 1, 2 HAVING count(*) >= 50)
    GROUP BY 1, 2, 3, 4
"""


async def run(database: Database, **options: Any) -> int:
    told: list[int] = []
    values = {"links": 20, "clicks": 5000, "days": 40, "code": None, "code_length": 7, "force": False}
    async with database.driver_connection() as connection:
        await seed(connection, **values | options, tell=told.append)
    return sum(told)


async def test_each_count_is_the_sum_of_its_rows(database: Database) -> None:
    assert await run(database, links=4) == 5000
    for table, width in (("click_counts_15min", 15), ("click_counts_daily", 1440)):
        counts = await rows_of(database, f"SELECT link_id, start, clicks, visitors, bots FROM {table} ORDER BY 1, 2")
        assert counts == await rows_of(database, SERIES, timedelta(minutes=width))
    columns = "link_id, start, dimension, value, clicks, bots"
    hours = await rows_of(database, f"SELECT {columns} FROM click_breakdown_hourly")
    assert sorted(hours) == sorted(await rows_of(database, BREAKDOWN))
    for table, unit in (("click_breakdown_daily", "day"), ("click_breakdown_monthly", "month")):
        found = await rows_of(database, f"SELECT {columns} FROM {table}")
        assert found
        assert sorted(found) == sorted(await rows_of(database, ROLLUPS, unit))
    totals = await rows_of(database, "SELECT link_id, clicks, visitors, bots FROM click_totals ORDER BY 1")
    assert totals == await rows_of(
        database,
        "SELECT link_id, count(*) - count(bot), count(*) FILTER (WHERE is_new_visitor), count(bot) FROM clicks "
        "GROUP BY 1 ORDER BY 1",
    )


async def test_a_visitor_is_new_once_a_day_and_link_and_no_bot(database: Database) -> None:
    await run(database)
    [(people, new)] = await rows_of(
        database,
        "SELECT count(DISTINCT (link_id, date_bin('1 day', at, 'epoch'), visitor)) FILTER (WHERE bot IS NULL), "
        "count(*) FILTER (WHERE is_new_visitor) FROM clicks",
    )
    assert people == new > 0
    assert await rows_of(database, "SELECT 1 FROM clicks WHERE is_new_visitor AND bot IS NOT NULL") == []


async def test_clicks_lie_on_the_asked_days_and_mostly_on_few_links(database: Database) -> None:
    await run(database)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    [(first, last, links)] = await rows_of(database, "SELECT min(at), max(at), count(DISTINCT link_id) FROM clicks")
    assert today - timedelta(days=40) <= first < today - timedelta(days=39)
    assert today - timedelta(days=1) <= last < today
    assert links == 20
    most = await rows_of(database, "SELECT clicks + bots FROM click_totals ORDER BY 1 DESC")
    assert most[0][0] > 5 * most[10][0]


async def test_one_link_of_a_code_gets_all_clicks_and_its_figures_are_shown(client, database: Database) -> None:
    await run(database, links=1, code="busy")
    answer = (await client.get("/api/v1/links/busy/stats?from=2020-01-01&interval=month")).json()
    assert answer["clicks"] + answer["bots"] == 5000
    assert [len(answer[name]) for name in ("referrers", "countries", "browsers")] == [10, 10, 4]


async def test_a_database_that_holds_links_is_left_alone_unless_it_is_meant(database: Database) -> None:
    await run(database, code="busy", links=1)
    with pytest.raises(NotEmpty):
        await run(database)
    with pytest.raises(CodeTaken):
        await run(database, code="busy", links=1, force=True)
    assert await run(database, force=True) == 5000
    assert await rows_of(database, "SELECT count(*), sum(clicks + bots) FROM click_totals") == [(21, 10000)]
