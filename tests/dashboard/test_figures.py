"""Figures of links, tags and domains: their sums, all values, single clicks, and files of each."""

import csv
import io
import itertools
import re
from datetime import UTC, date, datetime, timedelta

import pytest

from shortener.clicks.event import new_batch
from shortener.dashboard.world import COUNTRIES, SHADES, shaded
from tests.clicks.make import click, write
from tests.conftest import create_link

NOW = datetime.now(UTC)


@pytest.fixture
async def link(page, database) -> str:
    """A link with clicks of people from two hosts, and of a bot."""
    await create_link(page, code="abc", tags=["spring"])
    async with database.driver_connection() as connection:
        number = await connection.fetchval(
            "UPDATE links SET created_at = created_at - interval '60 days' WHERE code = 'abc' RETURNING id"
        )
    moments = [NOW - timedelta(days=day, minutes=day) for day in range(5)]
    clicks = [
        click(number, at, referrer="https://news.example/x", address=f"192.0.2.{n}") for n, at in enumerate(moments)
    ]
    clicks += [click(number, NOW - timedelta(days=40), referrer="https://old.example/")]
    clicks += [click(number, NOW - timedelta(days=1), user_agent="Googlebot/2.1 (+http://www.google.com/bot.html)")]
    await write(database, new_batch(clicks))
    return "abc"


async def number_of(database, code: str) -> int:
    async with database.driver_connection() as connection:
        return await connection.fetchval("SELECT id FROM links WHERE code = $1", code)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("query", ["", "?span=today&compare=1", "?span=all", "?compare=year&bots=1"])
async def test_the_sum_of_a_chart_its_table_its_csv_and_the_api_are_the_same_number(page, link, query):
    text = (await page.get(f"/-/links/{link}{query}")).text
    shown = int(re.search(r'<dd><b title="([\d,]+)"', text)[1].replace(",", ""))
    body = text[text.index("as-table") :]
    of_table = sum(int(n) for n in re.findall(r'</th><td class="number">(\d+)</td>', body[: body.index("</tbody>")]))
    of_file = sum(int(row["clicks"]) for row in table((await page.get(f"/-/links/{link}/series.csv{query}")).text))
    assert shown == of_table == of_file
    if query == "?span=all":
        assert shown == 6


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("span", ["today", "30d", "12m", "all"])
async def test_every_span_is_shown_in_every_language(page, link, span, language):
    answer = await page.get(f"/-/links/abc?span={span}", headers={"Accept-Language": language})
    assert answer.status_code == 200


async def test_all_values_of_a_panel_are_searched_and_downloaded(page, link):
    for above in ("/-/links/abc", "/-/tags/spring"):
        path = f"{above}/values/referrers"
        answer = await page.get(path, params={"span": "all"})
        assert answer.status_code == 200
    text = (await page.get("/-/links/abc/values/referrers?span=all")).text
    assert "news.example" in text
    assert "old.example" in text
    assert "old.example" not in (await page.get("/-/links/abc/values/referrers?span=all&q=news")).text
    assert "Nothing matches" in (await page.get("/-/links/abc/values/referrers?q=nowhere")).text
    rows = table((await page.get("/-/links/abc/values/referrers/file.csv?span=all")).text)
    assert rows == [{"referrer": "news.example", "clicks": "5"}, {"referrer": "old.example", "clicks": "1"}]
    assert (await page.get("/-/links/abc/values/nothing")).status_code == 404


async def test_single_clicks_are_filtered_by_all_that_the_page_offers(page, link):
    async def shown(query: str) -> int:
        return (await page.get(f"/-/links/abc/clicks?{query}")).text.count("<time datetime")

    assert await shown("") == 7
    assert await shown("bot=true") == 1
    assert await shown("bot=false") == 6
    assert await shown("referrer=old.example") == 1
    assert await shown("referrer=") == 1
    assert await shown(f"from={NOW - timedelta(days=2):%Y-%m-%d}&to={NOW:%Y-%m-%d}") >= 3
    answer = await page.get("/-/links/abc/clicks?bot=false&add_country=de&add_browser=")
    assert answer.headers["location"] == "/-/links/abc/clicks?bot=false&country=DE"
    assert "Nothing matches" in (await page.get("/-/links/abc/clicks?country=DE")).text
    assert len(table((await page.get("/-/links/abc/clicks.csv?bot=false")).text)) == 6


async def test_pages_of_single_clicks_lead_on_and_back(page, link):
    page.cookies.set("rows", "20", path="/-/")
    text = (await page.get("/-/links/abc/clicks")).text
    assert "data-next" not in text
    assert "No click fits" in (await page.get("/-/links/abc/clicks?referrer=x")).text
    assert (await page.get("/-/links/abc/clicks?cursor=x")).status_code == 303


async def test_no_address_of_a_visitor_is_shown(page, link):
    for path in ("/-/links/abc/clicks", "/-/links/abc/clicks.csv"):
        assert "192.0.2." not in (await page.get(path)).text


async def test_a_value_has_its_own_line_and_leads_to_its_single_clicks(page, link):
    text = (await page.get("/-/links/abc?span=all")).text
    href = re.search(r'href="(/-/links/abc\?[^"]*value=referrers%3Anews[^"]+)"', text)[1].replace("&amp;", "&")
    text = (await page.get(href)).text
    assert '<path class="other o0"' in text
    assert "news.example</bdi> <b>5</b>" in text
    assert "The numbers and the lists are those of all clicks." in text
    clicks = re.search(r'href="(/-/links/abc/clicks\?referrer=news[^"]+)"', text)[1].replace("&amp;", "&")
    assert (await page.get(clicks)).text.count("<time datetime") == 5
    without = re.search(r'href="([^"]+)" aria-label="Without news.example"', text)[1].replace("&amp;", "&")
    assert "other o0" not in (await page.get(without)).text
    for value in ("referrers", "nothing:x", f"referrers:{'x' * 1025}", "referrers:%00"):
        assert "other o0" not in (await page.get(f"/-/links/abc?value={value}")).text


async def test_a_tag_has_lines_of_its_values(page, link):
    text = (await page.get("/-/tags/spring?span=all&value=referrers:news.example")).text
    assert '<path class="other o0"' in text
    assert "Single clicks" not in text


async def test_a_link_is_compared_with_up_to_four_others(page, link, database):
    for n in range(5):
        await create_link(page, code=f"other{n}", title=f"Other {n}")
    number = await number_of(database, "other0")
    await write(database, new_batch([click(number, NOW - timedelta(hours=1)) for _ in range(3)]))
    for nonsense in ("%00", "a%20b", "http://elsewhere.example/abc"):
        assert (await page.get(f"/-/links/abc?with={nonsense}")).text.count(
            "the link does not exist, or is not yours"
        ) == 1
    names = ["other0", "http://sho.rt/other1", "missing", "other2", "other3"]
    text = (await page.get("/-/links/abc?span=7d", params={"with": names, "span": "7d"})).text
    assert "Other 0</bdi> <b>3</b>" in text
    assert "Other 1</bdi> <b>0</b>" in text
    assert "missing: the link does not exist, or is not yours." in text
    assert "Other 3" not in text
    assert 'name="with"' not in text[: text.index("as-table")].replace('type="hidden" name="with"', "")
    table_head = text[text.index("as-table") :]
    assert "Other 0</th>" in table_head[: table_head.index("</thead>")]


async def test_the_parts_of_a_chart_name_their_days(page, link):
    text = (await page.get("/-/links/abc?from=2026-01-01&to=2026-12-31")).text
    days = re.findall(r'data-first="([\d-]+)" data-last="([\d-]+)"', text)
    assert days[0][0] == "2026-01-01"
    assert days[-1][1] == "2026-12-31"
    days = [tuple(map(date.fromisoformat, each)) for each in days]
    assert all(last + timedelta(days=1) == first for (_, last), (first, _) in itertools.pairwise(days))


def test_the_map_shades_countries_by_their_clicks():
    shades = {country.code: shade for country, _, shade in shaded({"DE": 10_000, "FR": 1, "AT": 2_500, "XX": 5})}
    assert (shades["DE"], shades["FR"], shades["IT"]) == (SHADES, 1, 0)
    assert 1 < shades["AT"] < SHADES
    assert len(COUNTRIES) > 170
    assert all(re.fullmatch(r"[A-Z]{2}", country.code) for country in COUNTRIES)
    assert all(re.fullmatch(r"[Mlz\d -]+", country.path) for country in COUNTRIES)


async def test_figures_of_others_do_not_exist(ada, database):
    async with database.driver_connection() as connection:
        await connection.execute(
            "INSERT INTO links (code, url, created_at, updated_at) VALUES ('other', 'https://a.example/', now(), now())"
        )
    for path in ("clicks", "clicks.csv", "series.csv", "values/countries", "values/countries/file.csv"):
        assert (await ada.get(f"/-/links/other/{path}")).status_code == 404


@pytest.mark.parametrize(
    ("day", "hours", "has"),
    [("2026-03-29", 23, ["03:00"]), ("2026-10-25", 25, ["02:00", "02:00"]), ("2026-06-01", 24, [])],
)
async def test_the_day_of_the_change_of_clocks_has_its_23_or_25_hours_in_the_chart(page, day, hours, has):
    await create_link(page, code="abc")
    zone = {"Cookie": "zone=Europe%2FBerlin"}
    text = (await page.get(f"/-/links/abc?from={day}&to={day}&interval=hour", headers=zone)).text
    _, _, table = text.partition('<caption class="hidden">Clicks over time</caption>')
    found = re.findall(r'<tr><th scope="row">[^<]* (\d\d:00)</th>', table.partition("</table>")[0])
    assert len(found) == hours
    assert [hour for hour in found if hour in has] == has
    assert ("02:00" in found) is (hours != 23)
