"""GET /links/{code}/stats: figures that equal what counting single clicks would give."""

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from dirty_equals import IsPartialDict
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shortener.clicks.event import Choice, Mark, Source, new_batch
from shortener.clicks.models import DIMENSIONS
from shortener.figures import rollups
from shortener.figures.rollups import complete_spans, sum_up
from shortener.figures.schemas import StatsOut
from shortener.figures.spans import MAX_BUCKETS, Grain
from shortener.stores.database import Database
from tests.clicks.make import click, link_of, rows_of, write
from tests.conftest import CHROME, client_of, create_link

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu",
    "Pacific/Kiritimati", "Pacific/Pago_Pago", "Pacific/Auckland", "Europe/London",
]  # fmt: skip
AGENTS = [
    CHROME,
    f"{CHROME} Edg/140.0.0.0",
    "curl/8.14.1",
    "WhatsApp/2.23.20.0",
    "",
    *(f"Agent{n}/1" for n in range(9)),
]
REFERRERS = ["", *(f"https://site{n}.example/" for n in range(14))]
ADDRESSES = ["8.8.8.8", "193.0.6.139", "2001:200::1", "10.0.0.1", "202.12.27.33"]
NOW = datetime.now(UTC)
MIDNIGHT = NOW.replace(hour=0, minute=0, second=0, microsecond=0)


async def stats(client: httpx.AsyncClient, code: str, **query: Any) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/links/{code}/stats", params={k.rstrip("_"): v for k, v in query.items()})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def days_ago(days: float) -> datetime:
    return MIDNIGHT - timedelta(days=days)


async def test_people_visitors_and_bots_are_counted_apart(app: FastAPI, client: httpx.AsyncClient, drain: Any) -> None:
    code = (await create_link(client))["code"]
    for address in ("203.0.113.7", "203.0.113.7", "203.0.113.8"):
        async with client_of(app, address) as person:
            assert (await person.get(f"/{code}")).status_code == 302
    async with client_of(app, "203.0.113.9") as other:
        await other.head(f"/{code}")
        for headers in (
            {"Sec-Purpose": "prefetch;prerender"},
            {"Purpose": "prefetch"},
            {"X-Moz": "prefetch"},
            {"User-Agent": "WhatsApp/2.23.20.0"},
            {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
            {"User-Agent": ""},
        ):
            assert (await other.get(f"/{code}", headers=headers)).status_code == 302
    assert await drain() == 10
    found = await stats(client, code)
    assert found == IsPartialDict(clicks=3, visitors=2, bots=7)
    assert found["series"][-1] == IsPartialDict(clicks=3, visitors=2, bots=7)
    page = (await client.get(f"/api/v1/links/{code}/clicks")).json()["items"]
    reasons = Counter(item["bot"] for item in page)
    assert reasons == {None: 3, "head": 1, "prefetch": 3, "preview": 1, "crawler": 1, "no_user_agent": 1}


async def test_asking_where_a_link_leads_is_no_click(client: httpx.AsyncClient, drain: Any) -> None:
    code = (await create_link(client))["code"]
    assert (await client.get(f"/{code}+")).status_code == 200
    assert await drain() == 0
    assert await stats(client, code) == IsPartialDict(clicks=0, visitors=0, bots=0, referrers=[], devices=[])


async def test_breakdowns_show_the_ten_most_frequent_and_bots_when_asked(
    client: httpx.AsyncClient, database: Database
) -> None:
    code, link = await link_of(client, database)
    people = [click(link, referrer=f"https://site{n:02}.example/") for n in range(15) for _ in range(20 - n)]
    bots = [click(link, user_agent="curl/8", referrer="https://site14.example/") for _ in range(50)]
    await write(database, new_batch(people + bots))
    found = await stats(client, code)
    assert found["referrers"] == [{"value": f"site{n:02}.example", "clicks": 20 - n} for n in range(10)]
    assert found["browsers"] == [{"value": "Chrome", "clicks": len(people)}]
    assert found["systems"] == [{"value": "Windows", "clicks": len(people)}]
    assert found["devices"] == [{"value": "Desktop", "clicks": len(people)}]
    with_bots = await stats(client, code, bots="true")
    assert with_bots["referrers"][0] == {"value": "site14.example", "clicks": 56}
    assert {each["value"]: each["clicks"] for each in with_bots["browsers"]} == {"Chrome": len(people), "curl": 50}
    assert (found["clicks"], found["bots"]) == (with_bots["clicks"], with_bots["bots"]) == (len(people), 50)


async def test_a_series_has_no_gaps_in_the_asked_zone(client: httpx.AsyncClient, database: Database) -> None:
    code, link = await link_of(client, database)
    await write(database, new_batch([click(link, datetime(2026, 3, 28, 23, 30, tzinfo=UTC))]))
    found = await stats(client, code, from_="2026-03-27", to="2026-03-30", tz="Europe/Berlin")
    assert [(bucket["start"], bucket["clicks"]) for bucket in found["series"]] == [
        ("2026-03-27T00:00:00+01:00", 0),
        ("2026-03-28T00:00:00+01:00", 0),
        ("2026-03-29T00:00:00+01:00", 1),
        ("2026-03-30T00:00:00+02:00", 0),
    ]


@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "Asia/Kathmandu"])
async def test_figures_are_written_as_the_document_describes_them(
    client: httpx.AsyncClient, database: Database, zone: str
) -> None:
    code, link = await link_of(client, database)
    await write(database, new_batch([click(link, user_agent=agent) for agent in AGENTS]))
    answer = await client.get(f"/api/v1/links/{code}/stats", params={"tz": zone, "bots": "true"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(StatsOut.model_validate_json(answer.content).model_dump_json())
    operation = (await client.get("/openapi.json")).json()["paths"]["/api/v1/links/{code}/stats"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/StatsOut"}


@pytest.mark.parametrize(("interval", "buckets"), [("hour", 30 * 24), ("day", 30), ("week", 13), ("month", 13)])
async def test_without_a_span_the_latest_is_shown(client: httpx.AsyncClient, interval: str, buckets: int) -> None:
    code = (await create_link(client))["code"]
    series = (await stats(client, code, interval=interval))["series"]
    assert buckets - 24 <= len(series) <= buckets
    assert datetime.fromisoformat(series[-1]["start"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("since", "until", "clicks"),
    [
        ("2026-05-10", "2026-05-10", 2),
        ("2026-05-10", "2026-05-11", 3),
        ("2026-05-10T00:00:00Z", "2026-05-11T00:00:00Z", 2),
        ("2026-05-10T00:00:00.001Z", "2026-05-11T00:00:00.001Z", 2),
        ("2026-05-10T02:00:00+02:00", "2026-05-10T23:59:59.999Z", 1),
        ("2026-05-10 02:00:00 02:00", "2026-05-11", 3),
        ("2026-05-09", "2026-05-10T00:00:00Z", 0),
        ("2026-05-11T00:00:00Z", "2026-05-11", 1),
    ],
)
async def test_a_date_is_a_whole_day_and_a_moment_is_exact(
    client: httpx.AsyncClient, database: Database, since: str, until: str, clicks: int
) -> None:
    code, link = await link_of(client, database)
    midnight = datetime(2026, 5, 10, tzinfo=UTC)
    last = timedelta(days=1) - timedelta(milliseconds=1)
    await write(database, new_batch([click(link, midnight + each) for each in (timedelta(0), last, timedelta(days=1))]))
    assert (await stats(client, code, from_=since, to=until))["clicks"] == clicks


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-05-10", "to": "2026-05-09"},
        {"from": "2026-05-10T00:00:00Z", "to": "2026-05-10T00:00:00Z"},
        {"from": "2999-01-01"},
        {"from": "yesterday"},
        {"from": "2026-02-30"},
        {"from": "1700000000"},
        {"from": "20260510"},
        {"from": "2026-05-10T10:00:00"},
        {"from": "2026-05-10T25:00:00Z"},
        {"from": "1969-12-31"},
        {"from": "9999-12-31", "to": "9999-12-31"},
        {"to": "0001-01-01"},
        {"to": "2026-05-10T00:00:00Z\x00"},
        {"to": "٢٠٢٦-٠٥-١٠"},
        {"to": ""},
        {"tz": "Europe/Atlantis"},
        {"tz": ""},
        {"tz": "../../etc/passwd"},
        {"tz": "America"},
        {"tz": "\x00"},
        {"interval": "year"},
        {"bots": "perhaps"},
        {"from": "2024-01-01", "interval": "hour"},
        {"from": "1970-01-01", "to": "2999-12-31", "interval": "month"},
    ],
)
async def test_a_span_that_makes_no_sense_is_refused(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    code = (await create_link(client))["code"]
    answer = await client.get(f"/api/v1/links/{code}/stats", params=query)
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] in {"urn:shortener:problem:invalid-span", "urn:shortener:problem:invalid-request"}


async def test_an_unknown_link_has_no_figures(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/links/missing/stats")).status_code == 404


@pytest.mark.parametrize("query", [{}, {"to": "tomorrow"}, {"interval": "month"}, {"interval": "hour"}, {"bots": "1"}])
async def test_figures_up_to_now_from_a_midnight_read_no_single_click(
    client: httpx.AsyncClient, database: Database, query: dict[str, str]
) -> None:
    code, link = await link_of(client, database)
    await write(database, new_batch([click(link, days_ago(n)) for n in range(20)] + [click(link) for _ in range(5)]))
    query = query | {"from": f"{days_ago(28):%Y-%m-%d}"}
    if "to" in query:
        query["to"] = f"{NOW + timedelta(hours=30):%Y-%m-%dT%H:%M:%SZ}"
    before = await stats(client, code, **query)
    assert before["clicks"] == 25
    assert sum(each["clicks"] for each in before["countries"]) == 25
    await rows_of(database, "TRUNCATE clicks")
    assert await stats(client, code, **query) == before


def transitions() -> list[datetime]:
    """When the clocks of the zones were moved within the last year."""
    found = []
    for zone in map(ZoneInfo, ZONES):
        for hours in range(380 * 24):
            moment = days_ago(0) - timedelta(hours=hours)
            if moment.astimezone(zone).utcoffset() != (moment - timedelta(hours=1)).astimezone(zone).utcoffset():
                found.append(moment)
    return found


QUERIES = [b"", b"", b"utm_source=flyer&utm_campaign=sale", b"utm_source=mail&utm_medium=e+mail"]
LANGUAGES = [b"", b"", b"de-AT,de;q=0.9", b"en", b"fr;q=0.1,pt-BR"]
CHOICES = [None, None, Choice("phones"), Choice(variant="b"), Choice("late", is_charged=True)]


@pytest.fixture
async def history(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, list[tuple[Any, ...]]]:
    """A link with clicks of a year, many of them around moves of the clocks, and with days and
    months that are summed up, of which some have got late clicks since; its code and its single clicks."""
    code, link = await link_of(client, database)
    chance, moves = random.Random(4), transitions()
    for _ in range(6):
        moments = [NOW - timedelta(seconds=chance.randrange(380 * 86400)) for _ in range(200)]
        moments += [chance.choice(moves) + timedelta(seconds=chance.randrange(-9000, 9000)) for _ in range(200)]
        clicks = [
            click(
                chance.choice([link, link, link, link + 1000]),
                moment,
                user_agent=chance.choice(AGENTS),
                referrer=chance.choice(REFERRERS),
                address=chance.choice(ADDRESSES),
                mark=chance.choice([Mark.NONE, Mark.NONE, Mark.NONE, Mark.HEAD]),
                choice=chance.choice(CHOICES),
                query=chance.choice(QUERIES),
                source=chance.choice([Source.LINK, Source.LINK, Source.QR]),
                languages=chance.choice(LANGUAGES),
            )
            for moment in moments
        ]
        await write(database, new_batch(clicks))
    monkeypatch.setattr(rollups, "MIN_CLICKS", 10)
    async with database.driver_connection() as connection:
        await sum_up(connection, [link], days_ago(400), MIDNIGHT)
    await write(database, new_batch([click(link, days_ago(days), user_agent="late/1") for days in (70, 71, 180, 300)]))
    async with database.session() as session:
        found = Counter(span.grain for span in (await complete_spans(session, link, days_ago(400), NOW)).spans)
    assert 6 <= found[Grain.MONTH] <= 11
    assert found[Grain.DAY] > 0
    columns = (
        "at, bot, is_new_visitor, referrer_host, country, browser, system, device, rule, variant, city, "
        "coalesce(language, ''), utm_source, utm_medium, utm_campaign, coalesce(source, 'link')"
    )
    return code, await rows_of(database, f"SELECT {columns} FROM clicks WHERE link_id = $1", link)


def local_interval(moment: datetime, interval: str, zone: ZoneInfo) -> Any:
    """The local label of the interval that contains this moment."""
    local = moment.astimezone(zone)
    if interval == "month":
        return local.year, local.month
    if interval == "week":
        return local.isocalendar()[:2]
    return local.date() if interval == "day" else (local.date(), local.hour, local.utcoffset())


spans = st.tuples(
    st.one_of(
        st.datetimes(
            (NOW - timedelta(days=385)).replace(tzinfo=None), NOW.replace(tzinfo=None), timezones=st.just(UTC)
        ),
        st.integers(0, 385).map(days_ago),
        st.sampled_from(transitions()),
    ),
    st.one_of(
        st.timedeltas(timedelta(seconds=1), timedelta(hours=5)),
        st.timedeltas(timedelta(seconds=1), timedelta(days=380)),
        st.integers(1, 380).map(lambda days: timedelta(days=days)),
    ),
)


@given(spans, st.sampled_from(ZONES), st.sampled_from(["hour", "day", "week", "month"]), st.booleans())
@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_figures_of_any_span_equal_a_count_of_single_clicks(
    client: httpx.AsyncClient,
    history: tuple[str, list[tuple[Any, ...]]],
    span: tuple[datetime, timedelta],
    zone_name: str,
    interval: str,
    bots: bool,
) -> None:
    code, rows = history
    start, zone = span[0], ZoneInfo(zone_name)
    end = start + (min(span[1], timedelta(hours=MAX_BUCKETS - 2)) if interval == "hour" else span[1])
    query = {"from_": start.isoformat(), "to": end.isoformat(), "interval": interval, "tz": zone_name}
    found = await stats(client, code, **query, bots=bots)

    inside = [row for row in rows if start <= row[0] < end]
    people = [row for row in inside if row[1] is None]
    assert found["clicks"] == len(people)
    assert found["visitors"] == sum(row[2] for row in people)
    assert found["bots"] == len(inside) - len(people)

    series = {local_interval(datetime.fromisoformat(b["start"]), interval, zone): b for b in found["series"]}
    assert len(series) == len(found["series"])
    expected: dict[Any, list[int]] = {key: [0, 0, 0] for key in series}
    for at, bot, is_new, *_ in inside:
        counts = expected[local_interval(at, interval, zone)]
        for n, add in enumerate((bot is None, is_new, bot is not None)):
            counts[n] += add
    assert {key: [b["clicks"], b["visitors"], b["bots"]] for key, b in series.items()} == expected

    for number, name in enumerate(DIMENSIONS, 3):
        values = Counter(row[number] for row in (inside if bots else people) if row[number] is not None)
        top = sorted(values.items(), key=lambda item: (-item[1], item[0].encode()))[:10]
        assert [(each["value"], each["clicks"]) for each in found[name]] == top
    hours = Counter(f"{row[0].astimezone(zone):%a %H}".lower() for row in (inside if bots else people))
    assert {each["value"]: each["clicks"] for each in found["hours_of_week"]} == hours


async def test_a_visit_shows_its_language_its_campaign_and_whether_it_came_by_a_qr_code(
    client: httpx.AsyncClient, drain: Any
) -> None:
    code = (await create_link(client))["code"]
    headers = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.8"}
    for query in ("qr", "utm_source=flyer&utm_medium=print&utm_campaign=winter+sale", ""):
        answer = await client.get(f"/{code}?{query}", headers=headers)
        assert (answer.status_code, "?" in answer.headers["location"]) == (302, False)
    assert await drain() == 3
    found = await stats(client, code, bots="true")
    assert found["sources"] == [{"value": "link", "clicks": 2}, {"value": "qr", "clicks": 1}]
    assert found["languages"] == [{"value": "de", "clicks": 3}]
    values = {"utm_sources": "flyer", "utm_mediums": "print", "utm_campaigns": "winter sale"}
    assert {name: found[name] for name in values} == {n: [{"value": v, "clicks": 1}] for n, v in values.items()}
    assert [each["clicks"] for each in found["hours_of_week"]] in ([3], [2, 1])
    page = (await client.get(f"/api/v1/links/{code}/clicks")).json()["items"]
    assert [click["source"] for click in page] == ["link", "link", "qr"]
    assert page[1] == IsPartialDict(utm_source="flyer", utm_medium="print", utm_campaign="winter sale", language="de")


async def test_values_are_known_only_of_clicks_that_have_them(client: httpx.AsyncClient, database: Database) -> None:
    code, link = await link_of(client, database)
    await write(database, new_batch([click(link), click(link, languages=b"en"), click(link, source=Source.QR)]))
    found = await stats(client, code)
    assert found["languages"] == [{"value": "", "clicks": 2}, {"value": "en", "clicks": 1}]
    assert found["sources"] == [{"value": "link", "clicks": 2}, {"value": "qr", "clicks": 1}]
    assert found["utm_sources"] == found["cities"] == []
