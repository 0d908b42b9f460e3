"""Pages with numbers, and the clicks of the last days in lists."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import insert

from shortener.clicks.models import ClickCountDaily
from shortener.links.ids import number_of
from tests.conftest import create_link
from tests.links.test_api import LINKS, assert_problem


async def test_pages_with_numbers_lead_to_each_link_once_in_both_directions(client):
    codes = [(await create_link(client, code=f"code-{n}", tags=["one"]))["code"] for n in range(7)]
    path, seen = f"{LINKS}?page=1&page_size=3&sort=code&order=asc&tag=one&tag=two", []
    pages = []
    while path:
        pages.append((await client.get(path)).json())
        assert parse_qs(urlsplit(path).query)["tag"] == ["one", "two"]
        seen += [link["code"] for link in pages[-1]["items"]]
        path = pages[-1]["next"]
    assert seen == codes
    assert [page["total"] for page in pages] == [7, 7, 7]
    assert pages[0]["previous"] is None
    assert (await client.get(pages[2]["previous"])).json()["items"] == pages[1]["items"]
    assert (await client.get(f"{LINKS}?page=9&page_size=3")).json()["items"] == []
    assert len((await client.get(f"{LINKS}?page_size=3")).json()["items"]) == 3


async def test_a_cursor_goes_on_with_all_parameters_of_one_name(client):
    for n in range(3):
        await create_link(client, tags=["one"] if n % 2 else ["two"])
    first = (await client.get(f"{LINKS}?limit=2&tag=one&tag=two")).json()
    assert len((await client.get(first["next"])).json()["items"]) == 1


@pytest.mark.parametrize(
    "query",
    [
        "page=101&page_size=100",
        "page=501",
        "page=0",
        "page_size=101",
        "page=1&page_size=0",
    ],
)
async def test_a_page_too_far_behind_is_refused(client, query):
    assert_problem(await client.get(f"{LINKS}?{query}"), 422, "invalid-request")
    assert (await client.get(f"{LINKS}?page=100&page_size=100")).status_code == 200


async def test_a_page_and_a_cursor_together_are_refused(client):
    for _ in range(2):
        await create_link(client)
    path = (await client.get(f"{LINKS}?limit=1")).json()["next"]
    for more in ("page=1", "page_size=1", "page=1&page_size=1"):
        assert_problem(await client.get(f"{path}&{more}"), 422, "invalid-request")


async def test_each_link_has_its_clicks_of_thirty_days(client, database):
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    clicked, plain = await create_link(client), await create_link(client)
    days = {today - timedelta(days=n): n + 1 for n in (0, 2, 29, 30)}
    rows = [{"link_id": number_of(clicked["id"]), "start": day, "clicks": clicks} for day, clicks in days.items()]
    async with database.session() as session, session.begin():
        await session.execute(insert(ClickCountDaily), [{**row, "visitors": 1, "bots": 7} for row in rows])
    listed = {link["id"]: link for link in (await client.get(f"{LINKS}?include=sparkline")).json()["items"]}
    assert listed[clicked["id"]].pop("sparkline") == [30, *[0] * 26, 3, 0, 1]
    assert listed[plain["id"]].pop("sparkline") == [0] * 30
    assert listed == {link["id"]: link for link in (await client.get(LINKS)).json()["items"]}


async def test_nothing_else_can_be_included(client):
    assert_problem(await client.get(f"{LINKS}?include=everything"), 422, "invalid-request")
