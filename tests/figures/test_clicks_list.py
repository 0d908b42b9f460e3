"""GET /links/{code}/clicks: single clicks, newest first, by pages or as CSV."""

import base64
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from shortener.clicks.event import new_batch
from shortener.stores.database import Database
from shortener.stores.parts import DATABASE
from tests.clicks.make import click, link_of, rows_of, write
from tests.conftest import create_link

NOW = datetime.now(UTC).replace(microsecond=0)


async def pages(client: httpx.AsyncClient, path: str) -> list[list[dict[str, Any]]]:
    """Of all pages, the items; the way back shows the same."""
    found = [(await client.get(path)).json()]
    while found[-1]["next"] is not None:
        found.append((await client.get(found[-1]["next"])).json())
    back = found[-1:]
    while back[-1]["previous"] is not None:
        back.append((await client.get(back[-1]["previous"])).json())
    items = [page["items"] for page in found]
    assert [page["items"] for page in reversed(back)] == items
    return items


def cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()


async def test_pages_show_each_click_once_newest_first(client: httpx.AsyncClient, database: Database) -> None:
    code, link = await link_of(client, database)
    moments = [NOW - timedelta(minutes=n // 7) for n in range(50)]
    clicks = [click(link, at, referrer=f"https://e.example/{n}") for n, at in enumerate(moments)]
    await write(database, new_batch(clicks), new_batch([click(link + 1000)]))
    found = await pages(client, f"/api/v1/links/{code}/clicks?limit=8")
    assert [len(page) for page in found] == [8] * 6 + [2]
    items = [item for page in found for item in page]
    assert [datetime.fromisoformat(item["at"]) for item in items] == moments
    assert {item["referrer"] for item in items} == {f"https://e.example/{n}" for n in range(50)}


async def test_clicks_that_come_meanwhile_move_no_page(client: httpx.AsyncClient, database: Database) -> None:
    code, link = await link_of(client, database)
    await write(
        database,
        new_batch([click(link, NOW - timedelta(hours=n), referrer=f"https://e.example/{n}") for n in range(6)]),
    )
    first = (await client.get(f"/api/v1/links/{code}/clicks?limit=3")).json()
    await write(database, new_batch([click(link) for _ in range(10)]))
    second = (await client.get(first["next"])).json()
    assert [item["referrer"][-1] for item in first["items"] + second["items"]] == list("012345")
    assert second["next"] is None


async def test_a_click_says_nothing_of_its_address_or_visitor(client: httpx.AsyncClient, database: Database) -> None:
    code, link = await link_of(client, database)
    await write(database, new_batch([click(link, NOW, address="8.8.8.8", referrer="https://a@www.example.com/x#y")]))
    [[item]] = await pages(client, f"/api/v1/links/{code}/clicks")
    assert item == {
        "at": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
        "country": "US",
        "referrer": "https://www.example.com/x",
        "browser": "Chrome",
        "system": "Windows",
        "device": "Desktop",
        "bot": None,
        "new_visitor": True,
        "rule": None,
        "variant": None,
        "city": "",
        "language": "",
        "utm_source": None,
        "utm_medium": None,
        "utm_campaign": None,
        "source": "link",
    }


@pytest.mark.parametrize(
    "tampered",
    [
        "x",
        "!!!!",
        "",
        "%00",
        "é",
        cursor(),
        cursor("clicks"),
        cursor("clicks", []),
        cursor("clicks", ["2026-01-01T00:00:00Z"]),
        cursor("clicks", ["2026-01-01T00:00:00Z", "1"]),
        cursor("clicks", ["2026-01-01T00:00:00Z", 2**63]),
        cursor("clicks", ["2026-01-01T00:00:00Z", -(2**70)]),
        cursor("clicks", ["2026-01-01T00:00:00", 1]),
        cursor("clicks", ["yesterday", 1]),
        cursor("clicks", ["2026-01-01T00:00:00Z", 1, 2]),
        cursor("clicks", [1, 1]),
        cursor("created_at", ["2026-01-01T00:00:00Z", 1]),
        cursor("clicks", ["2026-01-01T00:00:00Z", 1], "yes"),
    ],
)
async def test_a_cursor_of_another_making_is_refused(client: httpx.AsyncClient, tampered: str) -> None:
    code = (await create_link(client))["code"]
    for form in ("json", "csv"):
        answer = await client.get(f"/api/v1/links/{code}/clicks", params={"cursor": tampered, "format": form})
        assert answer.status_code == 400, answer.text
        assert answer.json()["type"] == "urn:shortener:problem:invalid-cursor"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_a_cursor_at_the_ends_of_time_is_harmless(client: httpx.AsyncClient, moment: str) -> None:
    code = (await create_link(client))["code"]
    query = {"cursor": cursor("clicks", [moment, 1])}
    assert (await client.get(f"/api/v1/links/{code}/clicks", params=query)).status_code == 200


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x"])
async def test_a_limit_that_makes_no_sense_is_refused(client: httpx.AsyncClient, limit: str) -> None:
    code = (await create_link(client))["code"]
    assert (await client.get(f"/api/v1/links/{code}/clicks?limit={limit}")).status_code == 422


async def test_csv_streams_all_clicks_in_pieces(app: FastAPI, database: Database) -> None:
    pieces: list[int] = []

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        async def counted(message: Any) -> None:
            pieces.append(len(message.get("body", b"")))
            await send(message)

        await app(scope, receive, counted)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(counting), base_url="https://sho.rt") as client:
        code, link = await link_of(client, database)
        moments = [NOW - timedelta(seconds=n // 3) for n in range(5500)]
        await write(database, new_batch([click(link, at) for at in moments]))
        pieces.clear()
        answer = await client.get(f"/api/v1/links/{code}/clicks?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{code}-clicks.csv"'
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header == [
        "at",
        "country",
        "referrer",
        "browser",
        "system",
        "device",
        "bot",
        "new_visitor",
        "rule",
        "variant",
        "city",
        "language",
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "source",
    ]
    assert [datetime.fromisoformat(row[0]) for row in rows] == moments
    assert len([size for size in pieces if size]) >= 6
    assert max(pieces) < 200_000


async def test_a_slow_reader_of_csv_holds_no_connection(app: FastAPI, database: Database) -> None:
    held: list[dict[str, int]] = []

    async def looking(scope: Any, receive: Any, send: Any) -> None:
        async def look(message: Any) -> None:
            if message.get("body"):
                held.append(app.state.parts[DATABASE].connections_in_use())
            await send(message)

        await app(scope, receive, look)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(looking), base_url="https://sho.rt") as client:
        code, link = await link_of(client, database)
        await write(database, new_batch([click(link) for _ in range(2500)]))
        held.clear()
        await client.get(f"/api/v1/links/{code}/clicks?format=csv")
    assert held == [{"primary": 0}] * 10


async def test_csv_of_a_link_without_clicks_is_its_header(client: httpx.AsyncClient) -> None:
    code = (await create_link(client))["code"]
    answer = await client.get(f"/api/v1/links/{code}/clicks?format=csv")
    columns = "at,country,referrer,browser,system,device,bot,new_visitor,rule,variant,city,language"
    assert answer.text == f"{columns},utm_source,utm_medium,utm_campaign,source\r\n"


async def test_what_a_spreadsheet_would_run_is_text_in_csv(client: httpx.AsyncClient, database: Database) -> None:
    code, link = await link_of(client, database)
    await write(database, new_batch([click(link)]))
    await rows_of(
        database,
        "UPDATE clicks SET country = '+1', referrer = '@SUM(A1)', browser = $1, system = '-1', device = $2",
        '=HYPERLINK("https://evil.example","x")',
        "\t=1\r\n=2",
    )
    text = (await client.get(f"/api/v1/links/{code}/clicks?format=csv")).text
    _, row = csv.reader(io.StringIO(text, newline=""))
    assert row[1:6] == ["'+1", "'@SUM(A1)", '\'=HYPERLINK("https://evil.example","x")', "'-1", "'\t=1\r\n=2"]


async def test_clicks_can_be_those_of_bots_or_of_people_and_of_a_span(client, database):
    code, link = await link_of(client, database)
    day = timedelta(days=1)
    clicks = [click(link, NOW), click(link, NOW - day), click(link, NOW - 9 * day, user_agent="Googlebot/2.1")]
    await write(database, new_batch(clicks))

    async def count(**query: str) -> int:
        return len((await client.get(f"/api/v1/links/{code}/clicks", params=query)).json()["items"])

    assert (await count(bot="true"), await count(bot="false"), await count()) == (1, 2, 3)
    last = {"from": (NOW - day).date().isoformat(), "to": NOW.date().isoformat()}
    assert await count(**last) == 2
    assert await count(to=NOW.isoformat()) == 2
