"""Reports of links by anybody."""

import re

import pytest

from tests.conftest import changed, client_of, create_link, running_app
from tests.dashboard.conftest import OWN


async def reports(database) -> list[tuple[str, str | None]]:
    async with database.driver_connection() as connection:
        return [tuple(row) for row in await connection.fetch("SELECT reason, comment FROM reports")]


@pytest.mark.parametrize("link", ["abc", "https://sho.rt/abc", "sho.rt/abc"])
async def test_anybody_reports_a_link_by_its_code_or_its_address(page, database, link):
    await create_link(page, code="abc")
    fields = {"link": link, "reason": "phishing", "comment": " It asks for\r\nmy password "}
    answer = await page.post("/-/report", data=fields, follow_redirects=True)
    assert "an administrator will look at it" in answer.text
    assert await reports(database) == [("phishing", "It asks for my password")]


async def test_the_answer_is_the_same_whether_there_is_such_a_link(page):
    await create_link(page, code="abc")
    there, missing = [await page.post("/-/report", data={"link": code, "reason": "spam"}) for code in ("abc", "nosuc")]
    assert (there.status_code, there.headers["location"]) == (missing.status_code, missing.headers["location"])


@pytest.mark.parametrize(
    "fields",
    [
        {"link": "", "reason": "spam"},
        {"link": "https://elsewhere.example/abc", "reason": "spam"},
        {"link": "abc", "reason": ""},
        {"link": "abc", "reason": "boring"},
    ],
)
async def test_a_report_that_names_no_link_or_no_reason_says_so_beside_the_field(page, database, fields):
    answer = await page.post("/-/report", data=fields | {"comment": "What I saw"})
    assert answer.status_code == 422
    assert 'class="error"' in answer.text
    assert "What I saw" in answer.text
    assert await reports(database) == []


async def test_whoever_is_not_logged_in_can_report(visitor):
    assert (await visitor.get("/-/report?code=abc")).status_code == 200
    assert (await visitor.post("/-/report", data={"link": "abc", "reason": "other"})).status_code == 303


async def test_reports_are_limited_as_logins_are(settings):
    async with (
        running_app(changed(settings, limit_login="1/minute")) as app,
        client_of(app, headers=OWN | {"Accept": "text/html"}) as client,
    ):
        statuses = [
            (await client.post("/-/report", data={"link": "abc", "reason": "spam"})).status_code for _ in range(2)
        ]
        assert statuses == [303, 429]


async def test_the_preview_of_a_link_leads_to_its_report_where_there_is_a_dashboard(page, settings):
    await create_link(page, code="abc")
    href = re.search(r'href="([^"]+)"[^>]*>Report this link', (await page.get("/abc+")).text)[1]
    assert href == "https://sho.rt/-/report?url=https%3A%2F%2Fsho.rt%2Fabc"
    assert 'value="https://sho.rt/abc"' in (await page.get(href.removeprefix("https://sho.rt"))).text
    async with running_app(changed(settings, dashboard=False)) as app, client_of(app) as client:
        assert "Report this link" not in (await client.get("/abc+", headers={"Accept": "text/html"})).text
