"""GET /links/{code}/stats/{dimension}: every value by pages, the series of one, and the span before."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from shortener.clicks.event import Mark, Source, new_batch
from shortener.clicks.models import DIMENSIONS
from shortener.figures import rollups
from shortener.figures.asked import Asked
from shortener.figures.dimensions import DimensionName
from shortener.figures.rollups import sum_up
from shortener.figures.spans import Interval
from shortener.stores.database import Database
from tests.clicks.make import click, link_of, rows_of, write
from tests.conftest import CHROME, create_link

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
SINCE = TODAY - timedelta(days=90)
COLUMNS = [f"coalesce({d.column}, '{d.implied}')" if d.implied is not None else d.column for d in DIMENSIONS.values()]


async def dimension(client: httpx.AsyncClient, code: str, name: str, **query: Any) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/links/{code}/stats/{name}", params={"from": f"{SINCE:%Y-%m-%d}", **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
async def history(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, list[dict[str, Any]]]:
    """A link with clicks of 180 days, of which days and months are summed up; its code and its people's clicks."""
    code, link = await link_of(client, database)
    chance = random.Random(5)
    clicks = [
        click(
            link,
            TODAY - timedelta(seconds=chance.randrange(180 * 86400)),
            user_agent=chance.choice([CHROME, f"{CHROME} Edg/140.0.0.0", "curl/8"]),
            referrer=f"https://site{chance.randrange(12) * chance.randrange(12):03}.example/",
            mark=chance.choice([Mark.NONE, Mark.NONE, Mark.HEAD]),
            query=chance.choice([b"", b"utm_source=mail", b"utm_campaign=Sale"]),
            source=chance.choice([Source.LINK, Source.QR]),
            languages=chance.choice([b"", b"de", b"en-GB"]),
        )
        for _ in range(1500)
    ]
    await write(database, new_batch(clicks))
    monkeypatch.setattr(rollups, "MIN_CLICKS", 3)
    async with database.driver_connection() as connection:
        await sum_up(connection, [link], SINCE - timedelta(days=200), TODAY)
    names = [*DIMENSIONS, "at"]
    rows = await rows_of(database, f"SELECT {', '.join([*COLUMNS, 'at'])} FROM clicks WHERE bot IS NULL")
    return code, [dict(zip(names, row, strict=True)) for row in rows]


def value_of(row: dict[str, Any], name: str, zone: ZoneInfo) -> str | None:
    value: str | None = f"{row['at'].astimezone(zone):%a %H}".lower() if name == "hours_of_week" else row[name]
    return value


def test_each_dimension_has_a_name_in_the_api() -> None:
    assert {*DimensionName} == {*DIMENSIONS, "hours_of_week"}


async def test_pages_have_every_value_once_the_most_frequent_first(
    client: httpx.AsyncClient, history: tuple[str, list[dict[str, Any]]]
) -> None:
    code, rows = history
    zone = ZoneInfo("Asia/Kathmandu")
    inside = [row for row in rows if row["at"] >= SINCE.replace(tzinfo=zone)]
    for name in DimensionName:
        answer = await dimension(client, code, name, limit=7, tz=zone.key)
        total, items = answer["total"], answer["items"]
        while answer["next"]:
            last = answer
            answer = (await client.get(answer["next"])).json()
            back = (await client.get(answer["previous"])).json()
            assert back["items"] == last["items"]
            items += answer["items"]
        counts = Counter(value for row in inside if (value := value_of(row, name, zone)) is not None)
        expected = sorted(counts.items(), key=lambda each: (-each[1], each[0].encode()))
        assert [(each["value"], each["clicks"]) for each in items] == expected, name
        assert total == len(expected)


async def test_a_part_of_a_value_finds_it(client: httpx.AsyncClient, history: tuple[str, list[dict[str, Any]]]) -> None:
    code, rows = history
    found = await dimension(client, code, "referrers", q="TE00")
    expected = {row["referrers"] for row in rows if row["at"] >= SINCE and "te00" in row["referrers"]}
    assert {each["value"] for each in found["items"]} == expected
    assert (await dimension(client, code, "referrers", q="%"))["items"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("referrers", "site000.example"), ("sources", "qr"), ("sources", "link"), ("languages", ""), ("languages", "de"),
     ("utm_campaigns", "Sale"), ("hours_of_week", "mon 09"), ("browsers", "nothing")],
)  # fmt: skip
@pytest.mark.parametrize(("interval", "zone"), [("day", "UTC"), ("month", "UTC"), ("week", "America/New_York")])
async def test_the_series_of_a_value_has_its_clicks(
    client: httpx.AsyncClient,
    history: tuple[str, list[dict[str, Any]]],
    name: str,
    value: str,
    interval: str,
    zone: str,
) -> None:
    code, rows = history
    found = await dimension(client, code, name, value=value, interval=interval, tz=zone)
    starts = [datetime.fromisoformat(each["start"]) for each in found["series"]]
    since = SINCE.replace(tzinfo=ZoneInfo(zone))
    counts: Counter[datetime] = Counter()
    for row in rows:
        if row["at"] >= since and value_of(row, name, ZoneInfo(zone)) == value:
            counts[max(start for start in starts if start <= row["at"])] += 1
    assert {start: each["clicks"] for start, each in zip(starts, found["series"], strict=True)} == {
        start: counts[start] for start in starts
    }
    assert found["items"] == [{"value": value, "clicks": counts.total(), "before": None}]


async def test_the_span_before_stands_beside_the_figures(
    client: httpx.AsyncClient, history: tuple[str, list[dict[str, Any]]]
) -> None:
    code, rows = history
    since, until = TODAY - timedelta(days=20), TODAY - timedelta(days=10)
    query: dict[str, Any] = {"from": since.isoformat(), "to": until.isoformat(), "compare": "previous"}
    before = [row for row in rows if since - timedelta(days=10) <= row["at"] < since]
    found = (await client.get(f"/api/v1/links/{code}/stats", params=query)).json()
    assert found["before"]["clicks"] == len(before)
    assert sum(each["clicks"] for each in found["before"]["series"]) == len(before)
    assert len(found["before"]["series"]) == len(found["series"]) == 10
    assert found["before"]["from"] == f"{since - timedelta(days=10):%Y-%m-%dT%H:%M:%SZ}"
    for name in DimensionName:
        counts = Counter(value_of(row, name, ZoneInfo("UTC")) for row in before)
        expected = [{"value": each["value"], "clicks": counts[each["value"]]} for each in found[name]]
        assert found["before"][name] == expected, name
    page = await dimension(client, code, "referrers", **query)
    counts = Counter(row["referrers"] for row in before)
    assert [each["before"] for each in page["items"]] == [counts[each["value"]] for each in page["items"]]
    one = await dimension(client, code, "sources", value="qr", **query)
    assert one["items"][0]["before"] == sum(row["sources"] == "qr" for row in before)
    assert sum(each["clicks"] for each in one["series_before"]) == one["items"][0]["before"]


@pytest.mark.parametrize(
    ("interval", "since", "until", "before"),
    [
        ("day", "2026-03-20", "2026-04-09", ("2026-02-28", "2026-03-20")),
        ("week", "2026-03-30", "2026-04-07", ("2026-03-16", "2026-03-24")),
        ("month", "2026-03-01", "2026-04-01", ("2026-02-01", "2026-03-01")),
        ("month", "2025-01-01", "2026-01-01", ("2024-01-01", "2025-01-01")),
    ],
)
def test_the_span_before_is_as_many_days_weeks_or_months_long(
    interval: str, since: str, until: str, before: tuple[str, str]
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start, end = (datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC) for day in (since, until))
    found = Asked(start, end, Interval(interval), zone, False, end).before()
    assert found.start.astimezone(zone).date().isoformat() == before[0]
    last = (found.end - timedelta(microseconds=1)).astimezone(zone)
    assert last.date() < datetime.fromisoformat(before[1]).date() <= last.date() + timedelta(days=3)


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"source": "qr"}, 2), ({"source": "link"}, 1), ({"language": ""}, 2), ({"language": "de"}, 1),
        ({"referrer": "a.example"}, 1), ({"referrer": ""}, 2), ({"utm_source": "mail"}, 1), ({"country": "US"}, 3),
        ({"hour_of_week": "tue 23"}, 2), ({"hour_of_week": "wed 01", "tz": "Europe/Berlin"}, 1),
        ({"source": "qr", "language": "de"}, 0), ({"rule": "x"}, 0), ({"city": "Vienna"}, 0),
    ],
)  # fmt: skip
async def test_single_clicks_are_filtered_by_what_breakdowns_show(
    client: httpx.AsyncClient, database: Database, query: dict[str, str], number: int
) -> None:
    code, link = await link_of(client, database)
    tuesday, address = datetime(2026, 11, 24, 23, tzinfo=UTC), "8.8.8.8"
    await write(
        database,
        new_batch(
            [
                click(link, tuesday, source=Source.QR, address=address),
                click(link, tuesday, languages=b"de", referrer="https://www.a.example/x", address=address),
                click(link, tuesday + timedelta(hours=1), source=Source.QR, query=b"utm_source=mail", address=address),
            ]
        ),
    )
    answer = await client.get(f"/api/v1/links/{code}/clicks", params=query)
    assert len(answer.json()["items"]) == number
    answer = await client.get(f"/api/v1/links/{code}/clicks", params={**query, "format": "csv"})
    assert answer.text.count("\r\n") == number + 1


@pytest.mark.parametrize("query", ["value=%00", "q=%00", "limit=0", "cursor=x", "compare=next", f"value={'a' * 2000}"])
async def test_what_makes_no_sense_is_refused(client: httpx.AsyncClient, query: str) -> None:
    code = (await create_link(client))["code"]
    assert (await client.get(f"/api/v1/links/{code}/stats/countries?{query}")).status_code in {400, 422}
    assert (await client.get(f"/api/v1/links/{code}/stats/colours")).status_code == 422


async def test_a_link_without_clicks_has_no_values(client: httpx.AsyncClient) -> None:
    code = (await create_link(client))["code"]
    for name in DimensionName:
        assert (await dimension(client, code, name))["items"] == []
        assert (await dimension(client, code, name, value="x"))["items"][0]["clicks"] == 0
