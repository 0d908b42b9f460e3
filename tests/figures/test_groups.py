"""Figures of workspaces and tags: the sums of their links, which come and go."""

import random
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from dirty_equals import IsPartialDict
from redis.asyncio import Redis

from shortener.clicks.bounds import KEPT, OTHER
from shortener.clicks.event import Click, Mark, Source, new_batch
from shortener.clicks.models import DIMENSIONS
from shortener.figures import groups, rollups
from shortener.figures.dimensions import DimensionName
from shortener.settings import Settings
from shortener.stores.database import Database
from shortener.stores.parts import DATABASE, REDIS
from tests.clicks.make import click, link_of, rows_of, write
from tests.conftest import CHROME, job_context
from workers import figures as jobs
from workers.figures import check_groups, count_groups, sum_up_breakdowns

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
SINCE = TODAY - timedelta(days=70)
ELSEWHERE = uuid.uuid4()


@pytest.fixture
def ctx(settings: Settings, database: Database, redis: Redis) -> dict[str, Any]:
    return job_context(settings, {DATABASE: database, REDIS: redis})


@pytest.fixture
async def links(client: httpx.AsyncClient, database: Database) -> dict[int, str]:
    """Codes by ids of links without an owner."""
    found = [await link_of(client, database) for _ in range(6)]
    return {link_id: code for code, link_id in found}


def some_clicks(ids: list[int], seed: int, number: int = 300) -> list[Click]:
    chance = random.Random(seed)
    return [
        click(
            ids[int(len(ids) * chance.random() ** 2)],
            TODAY - timedelta(seconds=chance.randrange(-3600, 65 * 86400)),
            user_agent=chance.choice([CHROME, f"{CHROME} Edg/140.0.0.0", "curl/8"]),
            referrer=f"https://site{chance.randrange(20)}.example/",
            address=f"203.0.113.{chance.randrange(9)}",
            mark=chance.choice([Mark.NONE, Mark.NONE, Mark.HEAD]),
            source=chance.choice([Source.LINK, Source.QR]),
            languages=chance.choice([b"", b"de", b"en"]),
        )
        for _ in range(number)
    ]


async def stats(client: httpx.AsyncClient, path: str = "/api/v1/stats", **query: Any) -> dict[str, Any]:
    parameters = {"from": SINCE.isoformat(), "to": (TODAY + timedelta(days=1)).isoformat(), **query}
    answer = await client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def assert_sums(client: httpx.AsyncClient, database: Database, members: dict[int, str], **query: Any) -> None:
    """The group's figures are what counting the single clicks of these links gives."""
    found = await stats(client, **query)
    rows = await rows_of(
        database,
        "SELECT link_id, at, bot IS NULL, is_new_visitor, referrer_host, coalesce(language, ''), "
        "coalesce(source, 'link') FROM clicks WHERE link_id = ANY($1) AND at >= $2",
        list(members),
        datetime.fromisoformat(query.get("from", SINCE.isoformat())),
    )
    people = [row for row in rows if row[2]]
    assert (found["clicks"], found["bots"]) == (len(people), len(rows) - len(people))
    assert found["visitors"] == sum(row[3] for row in people)
    by_day = Counter(row[1].date() for row in people)
    series = {datetime.fromisoformat(each["start"]).date(): each["clicks"] for each in found["series"]}
    assert {day: clicks for day, clicks in series.items() if clicks} == by_day
    for column, name in enumerate(("referrers", "languages", "sources"), 4):
        counts = Counter(row[column] for row in people)
        assert {each["value"]: each["clicks"] for each in found[name]} == dict(
            sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:10]
        )
    hours = Counter(f"{row[1]:%a %H}".lower() for row in people)
    assert {each["value"]: each["clicks"] for each in found["hours_of_week"]} == hours
    counts = Counter(members[row[0]] for row in people)
    assert {each["code"]: each["clicks"] for each in found["top_links"]} == counts
    assert [each["clicks"] for each in found["top_links"]] == sorted(counts.values(), reverse=True)


async def test_the_figures_of_a_workspace_are_the_sums_of_its_links(
    client: httpx.AsyncClient, database: Database, links: dict[int, str], ctx: dict[str, Any]
) -> None:
    for seed in range(4):
        await write(database, new_batch(some_clicks(list(links), seed)))
        if seed % 2:
            await count_groups(ctx)
            await assert_sums(client, database, links)
            await assert_sums(client, database, links, **{"from": (TODAY - timedelta(days=9, hours=7)).isoformat()})
    assert await rows_of(database, "SELECT FROM click_rounds") == []
    assert await check_groups(ctx) == 0


async def test_days_and_months_of_a_workspace_are_summed_up(
    client: httpx.AsyncClient,
    database: Database,
    links: dict[int, str],
    ctx: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rollups, "MIN_CLICKS", 1)
    await write(database, new_batch(some_clicks(list(links), 1)))
    await count_groups(ctx)
    await sum_up_breakdowns(ctx)
    [(days, months)] = await rows_of(
        database,
        "SELECT (SELECT count(*) FROM click_breakdown_daily WHERE link_id < 0), "
        "(SELECT count(*) FROM click_breakdown_monthly WHERE link_id < 0)",
    )
    assert days > 0 < months
    await assert_sums(client, database, links)
    await write(database, new_batch(some_clicks(list(links), 2)))
    await count_groups(ctx)
    await assert_sums(client, database, links)


async def test_all_days_of_a_group_are_summed_up_and_the_recent_ones_of_a_link(
    client: httpx.AsyncClient, database: Database, links: dict[int, str], ctx: dict[str, Any]
) -> None:
    link, days = next(iter(links)), [(TODAY - timedelta(days=ago)) for ago in (200, 1)]
    clicks = [click(link, day + timedelta(minutes=n)) for day in days for n in range(rollups.MIN_CLICKS)]
    await write(database, new_batch(clicks))
    await count_groups(ctx)
    await sum_up_breakdowns(ctx)
    summed = "SELECT DISTINCT start FROM click_breakdown_daily WHERE (link_id < 0) = $1 ORDER BY 1"
    assert await rows_of(database, summed, True) == [(day,) for day in days]
    assert await rows_of(database, summed, False) == [(days[1],)]


async def test_a_link_that_moves_takes_its_past_figures_with_it(
    client: httpx.AsyncClient, database: Database, links: dict[int, str], ctx: dict[str, Any]
) -> None:
    await write(database, new_batch(some_clicks(list(links), 1)))
    await count_groups(ctx)
    gone, *_ = links
    await rows_of(database, "UPDATE links SET workspace_id = $1, updated_at = now() WHERE id = $2", ELSEWHERE, gone)
    await write(database, new_batch(some_clicks(list(links), 2)))
    await count_groups(ctx)
    await assert_sums(client, database, {each: code for each, code in links.items() if each != gone})
    await rows_of(database, "UPDATE links SET workspace_id = NULL, updated_at = now() WHERE id = $1", gone)
    await count_groups(ctx)
    await assert_sums(client, database, links)
    assert await check_groups(ctx) == 0


async def test_links_that_had_clicks_before_there_were_groups_are_found(
    client: httpx.AsyncClient,
    database: Database,
    links: dict[int, str],
    ctx: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(groups, "MOVES", 2)
    await write(database, new_batch(some_clicks(list(links), 1)))
    await rows_of(database, "TRUNCATE click_rounds")
    for _ in range(5):
        await count_groups(ctx)
    await assert_sums(client, database, links)


async def test_clicks_that_a_worker_of_the_version_before_writes_are_counted_within_the_hour(
    client: httpx.AsyncClient, database: Database, links: dict[int, str], ctx: dict[str, Any]
) -> None:
    await write(database, new_batch(some_clicks(list(links), 1)))
    await count_groups(ctx)
    await write(database, new_batch(some_clicks(list(links), 2)))
    await rows_of(database, "TRUNCATE click_rounds")
    await count_groups(ctx)
    assert await check_groups(ctx) == 1
    await count_groups(ctx)
    await assert_sums(client, database, links)
    assert await check_groups(ctx) == 0


async def test_many_rounds_are_added_before_any_link_moves(
    client: httpx.AsyncClient,
    database: Database,
    links: dict[int, str],
    ctx: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(groups, "ROUNDS", 2)
    monkeypatch.setattr(jobs, "KEEP_TIME_S", 0)
    for seed in range(5):
        await write(database, new_batch(some_clicks(list(links), seed, 60)))
    for _ in range(8):
        await count_groups(ctx)
    await assert_sums(client, database, links)


async def test_values_that_many_links_bring_fill_no_table_of_a_workspace(
    client: httpx.AsyncClient, database: Database, links: dict[int, str], ctx: dict[str, Any]
) -> None:
    at, ids = TODAY - timedelta(days=1), list(links)
    made = [click(link, at, referrer=f"https://{link}-{n}.example/") for link in ids for n in range(KEPT - 1)]
    await write(database, new_batch(made))
    await count_groups(ctx)
    sql = "SELECT count(*) FROM click_breakdown_hourly WHERE link_id < 0 AND dimension = $1"
    assert await rows_of(database, sql, DIMENSIONS["referrers"].number) == [(KEPT + 1,)]
    await rows_of(database, "UPDATE links SET workspace_id = $1, updated_at = now() WHERE id = $2", ELSEWHERE, ids[0])
    await count_groups(ctx)
    found = await stats(client)
    assert found["referrers"][0]["value"] == OTHER
    page = await client.get("/api/v1/stats/referrers", params={"from": SINCE.isoformat(), "limit": 100})
    rest = await client.get(page.json()["next"]) if page.json()["next"] else None
    items = page.json()["items"] + (rest.json()["items"] if rest else [])
    assert sum(each["clicks"] for each in items) == found["clicks"] == 5 * (KEPT - 1)


async def test_one_value_of_a_workspace_has_pages_a_series_and_a_span_before(
    client: httpx.AsyncClient, database: Database, links: dict[int, str], ctx: dict[str, Any]
) -> None:
    await write(database, new_batch(some_clicks(list(links), 1)))
    await count_groups(ctx)
    query = {"from": (TODAY - timedelta(days=20)).isoformat(), "compare": "previous"}
    for name in DimensionName:
        page = (await client.get(f"/api/v1/stats/{name}", params=query)).json()
        for item in page["items"][:2]:
            one = (await client.get(f"/api/v1/stats/{name}", params={**query, "value": item["value"]})).json()
            assert one["items"] == [item]
            assert sum(point["clicks"] for point in one["series"]) == item["clicks"]
    assert (await stats(client, compare="previous"))["before"] == IsPartialDict(clicks=0)


async def test_a_tag_that_is_given_later_brings_the_past_figures_of_its_link(
    client: httpx.AsyncClient, database: Database, links: dict[int, str], ctx: dict[str, Any]
) -> None:
    await write(database, new_batch(some_clicks(list(links), 1)))
    await count_groups(ctx)
    tagged = dict(list(links.items())[:3])
    for code in tagged.values():
        answer = await client.patch(f"/api/v1/links/{code}", json={"tags": ["Spring Sale"]})
        assert answer.status_code == 200, answer.text
    await write(database, new_batch(some_clicks(list(links), 2)))
    await count_groups(ctx)
    await assert_sums(client, database, tagged, path="/api/v1/tags/spring-sale/stats")
    await assert_sums(client, database, links)
    referrers = (await client.get("/api/v1/tags/spring-sale/stats/referrers")).json()
    assert referrers["total"] > 0
    [left, *_] = tagged
    await client.patch(f"/api/v1/links/{tagged.pop(left)}", json={"tags": []})
    await count_groups(ctx)
    await assert_sums(client, database, tagged, path="/api/v1/tags/spring-sale/stats")
    assert (await client.get("/api/v1/tags/winter/stats")).status_code == 404


async def test_a_tag_that_is_merged_into_another_gives_it_its_figures(
    client: httpx.AsyncClient, database: Database, links: dict[int, str], ctx: dict[str, Any]
) -> None:
    await write(database, new_batch(some_clicks(list(links), 1)))
    for tag, code in zip(("one", "two"), links.values(), strict=False):
        await client.patch(f"/api/v1/links/{code}", json={"tags": [tag]})
    await count_groups(ctx)
    assert (await client.post("/api/v1/tags/one/merge", json={"into": "two"})).status_code == 200
    await count_groups(ctx)
    await assert_sums(client, database, dict(list(links.items())[:2]), path="/api/v1/tags/two/stats")


async def test_a_workspace_without_clicks_has_figures_of_nothing(client: httpx.AsyncClient) -> None:
    assert await stats(client) == IsPartialDict(clicks=0, visitors=0, bots=0, top_links=[], referrers=[])
    assert (await client.get("/api/v1/stats/countries")).json() == IsPartialDict(items=[], total=0)
    assert (await client.get(f"/api/v1/stats?workspace={uuid.uuid4()}")).status_code == 404
