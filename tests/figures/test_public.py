"""A page of figures and a badge for anybody, where the link says so."""

import re
import xml.etree.ElementTree as ET

import pytest

from shortener.clicks.event import new_batch
from shortener.figures.badge import badge
from tests.clicks.make import click, link_of, rows_of, write
from tests.conftest import create_link
from tests.links.test_api import LINKS, assert_problem

HTML = {"Accept": "text/html", "Accept-Language": "en"}


@pytest.fixture
async def public(client, database) -> str:
    """A link with clicks."""
    code = (await create_link(client, code="sale", title="Secret plan", public_stats=True, note="For us"))["code"]
    [(number,)] = await rows_of(database, "SELECT id FROM links WHERE code = $1", code)
    people = [click(number, referrer="https://news.example/private?path=1", address=f"203.0.113.{n}") for n in range(3)]
    await write(database, new_batch([*people, click(number, user_agent="Googlebot/2.1")]))
    return code


async def test_anybody_may_see_figures_that_are_public(client, public):
    page = await client.get(f"/{public}/stats", headers=HTML)
    assert page.status_code == 200
    assert re.search(r"<dt>Clicks</dt><dd><b title=\"3\">3</b>", page.text)
    assert "news.example" in page.text
    assert "https://sho.rt/sale" in page.text


async def test_the_page_shows_no_single_click_no_path_of_a_referrer_and_nothing_of_the_link_s_own(client, public):
    page = (await client.get(f"/{public}/stats?span=7d&bots=1", headers=HTML)).text
    for hidden in ("private", "path=1", "203.0.113", "Secret plan", "For us", "example.com", "/clicks", "Googlebot"):
        assert hidden not in page, hidden


async def test_a_link_without_public_figures_looks_like_one_that_does_not_exist(client, database):
    code, _ = await link_of(client, database)
    for path in ("stats", "badge.svg"):
        there, nowhere = [await client.get(f"/{each}/{path}", headers=HTML) for each in (code, "nowhere")]
        assert there.status_code == nowhere.status_code == 404
    assert_problem(await client.get(f"/{code}/badge.svg"), 404, "link-not-found")


async def test_the_page_can_be_switched_off_and_gets_another_address_with_the_code(client, public):
    await client.patch(f"{LINKS}/{public}", json={"code": "other", "keep_old_code": False})
    assert (await client.get("/sale/stats", headers=HTML)).status_code in {404, 410}
    assert (await client.get("/other/stats", headers=HTML)).status_code == 200
    await client.patch(f"{LINKS}/other", json={"public_stats": False})
    assert (await client.get("/other/stats", headers=HTML)).status_code == 404
    assert (await client.get("/other/badge.svg")).status_code == 404


async def test_the_preview_shows_the_way_to_public_figures_only(client, public, database):
    assert 'href="https://sho.rt/sale/stats"' in (await client.get("/sale+", headers=HTML)).text
    assert (await client.get("/sale+")).json()["stats_url"] == "https://sho.rt/sale/stats"
    code, _ = await link_of(client, database)
    assert "stats" not in (await client.get(f"/{code}+")).text


async def test_the_badge_counts_people_and_may_be_embedded_and_kept_for_a_minute(client, public):
    answer = await client.get(f"/{public}/badge.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert ET.fromstring(answer.text).attrib["aria-label"] == "3 clicks"


async def test_a_link_that_forwards_paths_still_has_its_page(client):
    await create_link(client, code="docs1", forward_path=True, public_stats=True)
    assert (await client.get("/docs1/stats", headers=HTML)).status_code == 200
    assert (await client.get("/docs1/other")).status_code == 302
    await client.patch(f"{LINKS}/docs1", json={"public_stats": False})
    assert (await client.get("/docs1/stats")).status_code == 302


async def test_a_link_that_cannot_be_followed_has_no_page(client, public):
    await client.patch(f"{LINKS}/{public}", json={"disabled": True})
    for path in ("stats", "badge.svg"):
        assert (await client.get(f"/{public}/{path}")).status_code == 410


@pytest.mark.parametrize(("clicks", "label"), [(0, "0 clicks"), (1, "1 click"), (1234567, "1,234,567 clicks")])
def test_a_badge_is_svg_that_runs_nothing(clicks, label):
    picture = badge(clicks)
    assert ET.fromstring(picture).attrib["aria-label"] == label
    assert not re.search(r"script|href|style=|url\(|on\w+=", picture)
