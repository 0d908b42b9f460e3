"""Feeds are asked about new links in the background; without an answer a URL does not count as clean."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from dirty_equals import IsNow, IsPartialDict

from shortener.screening import checks, feeds
from shortener.screening.feeds import FeedUnavailable, UrlHaus, WebRisk, feeds_of
from shortener.screening.parts import FEEDS
from shortener.stores.parts import DATABASE, REDIS
from tests.conftest import changed, create_link, job_context
from tests.links.test_api import LINKS
from tests.moderation.conftest import ADMIN, BANS
from workers.destinations import check_destinations

KEY = "the feed's key"


@pytest.fixture
def well(tmp_path) -> Path:
    """While this file exists the feeds answer."""
    path = tmp_path / "well"
    path.touch()
    return path


@pytest.fixture
def address(well):
    script = Path(__file__).with_name("feed_server.py")
    with subprocess.Popen([sys.executable, script, well], stdout=subprocess.PIPE, text=True) as server:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.kill()


@pytest.fixture
async def web_risk(address):
    async with httpx.AsyncClient() as client:
        yield WebRisk(client, KEY, address)


@pytest.fixture
async def both(address, web_risk):
    return {"web_risk": web_risk, "urlhaus": UrlHaus(web_risk._client, KEY, address)}


@pytest.fixture
def check(settings, database, redis, web_risk, monkeypatch):
    """One run of the worker's job, to which links of this moment are old enough."""
    monkeypatch.setattr(checks, "SETTLED_AFTER", -checks.SETTLED_AFTER)

    async def run() -> None:
        opened = {DATABASE: database, REDIS: redis, FEEDS: {"web_risk": web_risk}}
        await check_destinations(job_context(settings, opened))

    return run


async def verdicts(database) -> dict[str, tuple[str, int, bool]]:
    """By code: what is said, after how many tries, and whether there will be another."""
    async with database.driver_connection() as connection:
        rows = await connection.fetch(
            "SELECT code, verdict, tries, next_at FROM destination_checks JOIN links ON id = link_id"
        )
    return {row["code"]: (row["verdict"], row["tries"], row["next_at"] is not None) for row in rows}


async def make_due(database) -> None:
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE destination_checks SET next_at = now() WHERE next_at IS NOT NULL")


async def test_what_a_feed_answers_is_understood(both):
    for feed in both.values():
        assert await feed.check("https://good.example/?a=b&c=d") is None
    assert await both["web_risk"].check("https://phish.example/") == "MALWARE"
    assert await both["urlhaus"].check("https://phish.example/") == "malware_download"


@pytest.mark.parametrize("url", ["broken", "odd", "text", "list", "slow"])
async def test_whatever_else_comes_back_is_no_answer(both, url, monkeypatch):
    monkeypatch.setattr(feeds, "TIMEOUT_S", 0.2)
    for feed in both.values():
        with pytest.raises(FeedUnavailable):
            await feed.check(f"https://{url}.example/")


async def test_a_wrong_key_or_a_feed_that_is_away_is_no_answer_and_tells_no_key(address):
    async with httpx.AsyncClient() as client:
        for at in (address, "http://127.0.0.1:1"):
            for kind in (WebRisk, UrlHaus):
                with pytest.raises(FeedUnavailable) as error:
                    await kind(client, "secret", at).check("https://good.example/")
                assert "secret" not in str(error.value)


async def test_feeds_are_off_until_they_have_a_key(settings):
    async with httpx.AsyncClient() as client:
        assert feeds_of(settings, client) == {}
        on = feeds_of(changed(settings, web_risk_key="a", urlhaus_key="b"), client)
    assert {name: type(feed) for name, feed in on.items()} == {"web_risk": WebRisk, "urlhaus": UrlHaus}


async def test_new_links_are_asked_about_once_and_one_that_is_listed_is_banned(client, admin, database, check):
    await create_link(client, "https://phish.example/before", code="before")
    await check()
    await create_link(client, "https://phish.example/", code="bad")
    await create_link(client, "https://good.example/", code="good")
    assert (await client.get("/bad")).status_code == 302
    await check()
    assert await verdicts(database) == {"bad": ("listed", 1, False), "good": ("clean", 1, False)}
    assert [(await client.get(f"/{code}")).status_code for code in ("bad", "good", "before")] == [410, 302, 302]
    found = (await client.get(BANS, headers=admin)).json()["items"]
    assert found == [IsPartialDict(kind="link", value="bad", reason="web_risk: MALWARE", created_by=None)]
    # An admin knows better, for good.
    await client.delete(f"{BANS}/{found[0]['id']}", headers=admin)
    await make_due(database)
    await check()
    assert (await client.get("/bad")).status_code == 302


async def test_a_feed_that_does_not_answer_has_not_said_clean_and_is_asked_again(client, database, check, well):
    await check()
    well.unlink()
    await create_link(client, "https://phish.example/", code="bad")
    await create_link(client, "https://good.example/", code="good")
    for tries in (1, 2):
        await check()
        unknown = ("unknown", tries, True)
        assert await verdicts(database) == {"bad": unknown, "good": unknown}
        # Not at once.
        await check()
        assert await verdicts(database) == {"bad": unknown, "good": unknown}
        await make_due(database)
    well.touch()
    await check()
    assert await verdicts(database) == {"bad": ("listed", 3, False), "good": ("clean", 3, False)}
    assert (await client.get("/bad")).status_code == 410


async def test_admins_see_what_each_feed_has_answered(client, admin, check, well):
    async def seen() -> dict[str, list]:
        items = (await client.get(f"{ADMIN}/links", headers=admin)).json()["items"]
        found = {item["code"]: item["feeds"] for item in items}
        for code, said in found.items():
            assert (await client.get(f"{ADMIN}/links/{code}", headers=admin)).json()["feeds"] == said
        return found

    await create_link(client, "https://good.example/before", code="before")
    await check()
    await create_link(client, "https://good.example/", code="good")
    await check()
    well.unlink()
    await create_link(client, "https://phish.example/", code="bad")
    await check()
    now = IsNow(iso_string=True, tz="UTC", delta=20)
    assert await seen() == {
        "before": [],
        "good": [{"feed": "web_risk", "verdict": "clean", "checked_at": now}],
        "bad": [{"feed": "web_risk", "verdict": "unknown", "checked_at": now}],
    }
    assert (await client.patch(f"{LINKS}/good", json={"url": "https://phish.example/"})).is_success
    assert (await seen())["good"] == [{"feed": "web_risk", "verdict": "unknown", "checked_at": now}]
    assert "feeds" not in (await client.get(f"{LINKS}/good")).json()


async def test_a_link_that_leads_elsewhere_is_asked_about_anew(client, database, check):
    await check()
    await create_link(client, "https://good.example/", code="abc")
    await check()
    assert (await client.patch(f"{LINKS}/abc", json={"title": "same place"})).is_success
    assert await verdicts(database) == {"abc": ("clean", 1, False)}
    assert (await client.patch(f"{LINKS}/abc", json={"url": "https://phish.example/"})).is_success
    assert await verdicts(database) == {"abc": ("unknown", 0, True)}
    await check()
    assert (await client.get("/abc")).status_code == 410


async def test_an_answer_about_where_a_link_no_longer_leads_is_not_held_against_it(client, database, check, web_risk):
    await check()
    await create_link(client, "https://phish.example/", code="abc")
    ask = web_risk.check

    async def ask_slowly(url: str) -> str | None:
        found = await ask(url)
        await client.patch(f"{LINKS}/abc", json={"url": "https://good.example/"})
        return found

    web_risk.check = ask_slowly
    await check()
    web_risk.check = ask
    assert (await client.get("/abc")).status_code == 302
    await check()
    assert await verdicts(database) == {"abc": ("clean", 1, False)}


async def test_a_link_that_may_still_have_older_ones_behind_it_waits(client, settings, database, redis, web_risk):
    async def check() -> None:
        opened = {DATABASE: database, REDIS: redis, FEEDS: {"web_risk": web_risk}}
        await check_destinations(job_context(settings, opened))

    await check()
    for code in ("old", "young", "oldish"):
        await create_link(client, "https://good.example/", code=code)
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE links SET created_at = now() - interval '2 minutes' WHERE code <> 'young'")
    await check()
    assert (await verdicts(database)).keys() == {"old"}


async def test_feeds_are_asked_about_everything_that_a_link_may_lead_to(client, database, check):
    await check()
    rule = {"name": "r", "if": [{"type": "device", "values": ["ios"]}], "url": "https://phish.example/"}
    await create_link(client, "https://good.example/", code="rule", rules=[rule])
    await create_link(client, "https://good.example/", code="later")
    await check()
    assert (await client.get("/rule")).status_code == 410
    variant = {"name": "v", "url": "https://phish.example/"}
    assert (await client.patch(f"{LINKS}/later", json={"variants": [variant]})).is_success
    await check()
    assert (await client.get("/later")).status_code == 410
