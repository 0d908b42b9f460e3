"""Made-up clicks agree with their counts as real ones do."""

from datetime import UTC, datetime, timedelta
from statistics import mean, median
from typing import Any

import pytest

from shortener.accounts.commands import create_user
from shortener.links.codes import Codes
from shortener.links.inserts import CodeTaken
from shortener.operations.seed import NotEmpty, seed
from shortener.settings import Settings
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
        (1, referrer_host), (2, country), (3, browser), (4, system), (5, device), (6, rule), (7, variant), (8, city),
        (9, language), (10, utm_source), (11, utm_medium), (12, utm_campaign), (13, source)) AS v (dimension, value)
    WHERE value IS NOT NULL GROUP BY 1, 2, 3, 4
"""

# Of the days and months that are over and have enough clicks.
ROLLUPS = """
    SELECT link_id, date_trunc($1, at), dimension, value, count(*) FILTER (WHERE bot IS NULL),
        count(*) FILTER (WHERE bot IS NOT NULL)
    FROM clicks CROSS JOIN LATERAL (VALUES
        (1, referrer_host), (2, country), (3, browser), (4, system), (5, device), (6, rule), (7, variant), (8, city),
        (9, language), (10, utm_source), (11, utm_medium), (12, utm_campaign), (13, source)) AS v (dimension, value)
    WHERE value IS NOT NULL AND (link_id, date_trunc($1, at)) IN (SELECT link_id, date_trunc($1, at) FROM clicks
        WHERE at < date_trunc($1, now()) GROUP BY 1, 2 HAVING count(*) >= 50)
    GROUP BY 1, 2, 3, 4
"""


async def run(database: Database, **options: Any) -> int:
    told: list[int] = []
    values = {"links": 20, "clicks": 5000, "days": 40, "code": None, "codes": Codes(7), "force": False}
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


CONTENT = """
    SELECT l.code, l.url, l.title, l.tag_names, l.options, c.at, c.visitor, c.bot, c.country, c.city, c.referrer,
        c.user_agent, c.rule, c.variant, c.utm_campaign, c.source
    FROM (SELECT *, (SELECT array_agg(name ORDER BY name) FROM tags WHERE tags.id = ANY(tag_ids)) AS tag_names
        FROM links) AS l JOIN clicks AS c ON c.link_id = l.id ORDER BY l.code, c.at, c.visitor
"""


async def test_the_same_number_makes_the_same_data_and_another_number_does_not(database, servers) -> None:
    found = []
    for number in (7, 7, 8):
        await rows_of(
            database,
            "TRUNCATE links, clicks, click_counts_15min, click_counts_daily, click_totals, tags, "
            "click_breakdown_hourly, click_breakdown_daily, click_breakdown_monthly RESTART IDENTITY",
        )
        await run(database, clicks=500, number=number)
        found.append(await rows_of(database, CONTENT))
    assert found[0] == found[1] != found[2]


async def test_links_and_clicks_have_everything_that_real_ones_have(database: Database, settings: Settings) -> None:
    await create_user(settings, "ada@example.com", None, is_admin=True)
    await run(database, links=200, clicks=20_000)
    [having] = await rows_of(
        database,
        "SELECT bool_or(tag_ids IS NOT NULL), bool_or(note IS NOT NULL), bool_or(expires_at IS NOT NULL), "
        "bool_or(is_archived), bool_or(options ? 'rules'), bool_or(options ? 'variants'), bool_or(options ? 'utm'), "
        "bool_or(code LIKE 'go.nordwind.example/%' AND workspace_id IS NOT NULL) FROM links",
    )
    assert all(having)
    [(rules, variants, *others)] = await rows_of(
        database,
        "SELECT count(DISTINCT rule), count(DISTINCT variant), count(DISTINCT city) > 20, count(utm_campaign) > 500, "
        "count(DISTINCT country) > 15, count(DISTINCT language) > 8, count(*) FILTER (WHERE source = 'qr') > 500, "
        "count(bot) > 1000, count(DISTINCT referrer_host) > 15 FROM clicks",
    )
    assert (rules, variants, all(others)) == (2, 2, True)
    early = "SELECT 1 FROM clicks JOIN links ON links.id = link_id WHERE at::date < created_at::date"
    late = "SELECT 1 FROM clicks JOIN links ON links.id = link_id WHERE at::date > expires_at::date"
    assert await rows_of(database, f"{early} UNION ALL {late}") == []


async def test_clicks_follow_the_day_the_week_and_one_viral_day(database: Database) -> None:
    await run(database, clicks=50_000, days=60)
    hours = "SELECT extract(hour FROM at)::int, count(*) FROM clicks WHERE country = 'DE' GROUP BY 1"
    by_hour = dict(await rows_of(database, hours))
    assert by_hour[18] > 5 * by_hour[2]
    by_day = dict(await rows_of(database, "SELECT at::date, count(*) FROM clicks GROUP BY 1"))
    viral = max(by_day, key=by_day.__getitem__)
    assert by_day[viral] > 1.5 * median(by_day.values())
    usual = [day for day in by_day if abs((day - viral).days) > 3]
    rest, work = (mean(by_day[day] for day in usual if (day.weekday() >= 5) is is_rest) for is_rest in (True, False))
    assert rest < 0.8 * work
    counts = "SELECT count(*) AS n FROM clicks WHERE at::date = $1 GROUP BY link_id"
    [(share,)] = await rows_of(database, f"SELECT max(n) / sum(n) FROM ({counts}) AS c", viral)
    assert share > 0.6
