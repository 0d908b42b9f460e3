"""From a User-Agent, a referrer and an address to what the figures show. `agents.tsv` is the golden table."""

import csv
import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import crawleruseragents
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shortener.clicks.agents import MAX_PARSED, MAX_VALUE, _parser, parse_agent
from shortener.clicks.enrich import (
    MAX_AGE,
    MAX_AHEAD,
    STEPS,
    EnrichedClick,
    days,
    enrich,
    parse_referrer,
    visitor_hash,
)
from shortener.clicks.event import MAX_REFERRER, MAX_USER_AGENT, Click, Mark
from shortener.settings import Settings
from tests.conftest import CHROME, running_app

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SALT = b"s" * 32


class Agent(NamedTuple):
    """A row of the golden table; `-` stands for nothing."""

    taken_for: str
    name: str
    browser: str
    system: str
    device: str
    user_agent: str


def read_agents() -> list[Agent]:
    with open(Path(__file__).with_name("agents.tsv"), newline="") as file:
        return [Agent(*("" if v == "-" else v for v in row)) for row in list(csv.reader(file, delimiter="\t"))[1:]]


AGENTS = read_agents()


def agents(*taken_for: str) -> list[Any]:
    return [pytest.param(agent, id=agent.name) for agent in AGENTS if agent.taken_for in taken_for]


def enriched(**fields: Any) -> EnrichedClick:
    """What becomes of one click."""
    values = {"link_id": 1, "at_ms": int(NOW.timestamp() * 1000), "address": "", "user_agent": CHROME, "referrer": ""}
    clicks = [Click(**(values | fields))]
    with capture_logs() as logs:
        [found] = enrich(clicks, dict.fromkeys(days(clicks, NOW), SALT), NOW)
    assert logs == []
    return found


def test_the_golden_table_is_long_and_names_each_agent_once() -> None:
    assert len(AGENTS) >= 320
    assert len({agent.name for agent in AGENTS}) == len({agent.user_agent for agent in AGENTS}) == len(AGENTS)


@pytest.mark.parametrize("agent", agents("person"))
def test_a_persons_browser_is_named_and_never_taken_for_a_bot(agent: Agent) -> None:
    found = parse_agent(agent.user_agent)
    assert (found.browser, found.system, found.device) == (agent.browser, agent.system, agent.device)
    assert found.bot is None


@pytest.mark.parametrize("agent", agents("preview", "crawler"))
def test_a_bot_is_taken_for_what_it_is(agent: Agent) -> None:
    assert parse_agent(agent.user_agent).bot == agent.taken_for


@pytest.mark.parametrize("agent", agents("person", "preview", "crawler"))
def test_what_is_parsed_of_an_agent_says_as_much_as_all_of_it(agent: Agent) -> None:
    assert parse_agent(agent.user_agent[:MAX_PARSED]) == parse_agent(agent.user_agent)


def test_of_a_long_user_agent_all_is_kept_and_only_the_beginning_is_parsed() -> None:
    user_agent = f"{CHROME.ljust(MAX_PARSED)}Googlebot/2.1"
    found = enriched(user_agent=user_agent)
    assert (found.user_agent, found.browser, found.bot) == (user_agent, "Chrome", None)


# What patterns begin to match again and again.
HOSTILE = [
    "fetchapi", "mozilla/5.0 (linux ", "Mozilla/5.0 ", "a@a.", "(compatible; ", "bota ", "Mobile Safari ",
    "CFNetwork/8", "; Android 9; ", "x/1.0 ", "by a.", ";", "\u00e9bot ", "Version/", "\U0001f433 ",
]  # fmt: skip


@pytest.mark.parametrize("begun", ["", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 "])
@pytest.mark.parametrize("part", HOSTILE)
def test_no_user_agent_takes_long_to_parse(begun: str, part: str) -> None:
    took_s = []
    for n in range(5):
        user_agent = f"{begun}{n} {part * MAX_USER_AGENT}"[:MAX_USER_AGENT]
        started_s = time.thread_time()
        enriched(user_agent=user_agent)
        took_s.append(time.thread_time() - started_s)
    assert min(took_s) < 0.005


def test_of_the_bots_that_the_world_has_listed_hardly_one_is_taken_for_a_person() -> None:
    path = Path(crawleruseragents.__file__).with_name("crawler-user-agents.json")
    listed = [text for entry in json.loads(path.read_text()) for text in entry.get("instances", ())]
    assert len(listed) > 2000
    # Browsers inside Instagram, Facebook and editors, which the list has too.
    assert len([text for text in listed if parse_agent(text).bot is None]) <= 5


def test_no_user_agent_is_no_person() -> None:
    found = enriched(user_agent="")
    assert (found.bot, found.browser, found.system, found.device) == ("no_user_agent", "", "", "Other")


@pytest.mark.parametrize(("mark", "reason"), [(Mark.HEAD, "head"), (Mark.PREFETCH, "prefetch")])
def test_what_the_request_says_of_itself_counts_before_its_user_agent(mark: Mark, reason: str) -> None:
    assert enriched(mark=mark).bot == reason
    assert enriched(mark=mark, user_agent="curl/8.14.1").bot == reason


@given(st.text(st.characters(codec="latin-1"), max_size=MAX_USER_AGENT))
def test_any_user_agent_gives_values_that_can_be_stored(user_agent: str) -> None:
    found = enriched(user_agent=user_agent)
    for value in (found.browser, found.system, found.device, found.user_agent):
        assert "\x00" not in value
    assert max(len(found.browser), len(found.system), len(found.device)) <= MAX_VALUE


@pytest.mark.parametrize(
    ("referrer", "host"),
    [
        ("https://news.example/article?id=1", "news.example"),
        ("http://www.example.com/", "example.com"),
        ("https://WWW.Example.COM:8443/x", "example.com"),
        ("https://www.www.example.com/", "www.example.com"),
        ("https://wwwexample.com/", "wwwexample.com"),
        ("https://l.facebook.com/l.php?u=x", "l.facebook.com"),
        ("android-app://com.google.android.gm/", "com.google.android.gm"),
        ("android-app://org.telegram.messenger", "org.telegram.messenger"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://user:secret@example.com/", "example.com"),
        ("https://[2001:db8::1]/", "[2001:db8::1]"),
        ("", ""),
        ("about:blank", ""),
        ("data:text/html,hello", ""),
        ("javascript:alert(1)", ""),
        ("file:///etc/passwd", ""),
        ("example.com", ""),
        ("not a url", ""),
        ("https://", ""),
        ("http://exa mple.com/", ""),
        ("=HYPERLINK(1)", ""),
        ("\x00\x01\x02", ""),
    ],
)
def test_a_referrer_is_shown_by_its_host(referrer: str, host: str) -> None:
    assert parse_referrer(referrer).host == host
    assert enriched(referrer=referrer).referrer_host == host


def test_a_referrer_is_kept_without_credentials_and_fragment() -> None:
    assert enriched(referrer="https://me:secret@example.com/a?b=c#token").referrer == "https://example.com/a?b=c"


def test_a_step_that_fails_costs_no_more_than_what_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(enriched: EnrichedClick, click: Click) -> None:
        raise RuntimeError

    monkeypatch.setattr("shortener.clicks.enrich.STEPS", (fail, *STEPS))
    clicks = [Click(1, int(NOW.timestamp() * 1000), "8.8.8.8", CHROME, "")]
    [found] = enrich(clicks, {NOW.date(): SALT}, NOW)
    assert (found.browser, found.country) == ("Chrome", "US")


@given(st.text(st.characters(codec="latin-1"), max_size=MAX_REFERRER).map(lambda text: f"https://example.com/{text}"))
def test_any_referrer_gives_values_that_can_be_stored(referrer: str) -> None:
    found = enriched(referrer=referrer)
    assert "\x00" not in found.referrer + found.referrer_host
    assert len(found.referrer) <= MAX_REFERRER
    assert len(found.referrer_host) <= MAX_VALUE


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("8.8.8.8", "US"),
        ("193.0.6.139", "NL"),
        ("141.20.1.1", "DE"),
        ("202.12.27.33", "JP"),
        ("200.160.2.3", "BR"),
        ("2001:4860:4860::8888", "US"),
        ("2a00:1450:4001:81c::200e", "IE"),
        ("2001:200::1", "JP"),
        ("10.1.2.3", ""),
        ("127.0.0.1", ""),
        ("192.168.0.1", ""),
        ("::1", ""),
        ("fe80::1", ""),
        ("fe80::1%eth0", ""),
        ("", ""),
        ("unknown", ""),
        ("999.1.1.1", ""),
        ("8.8.8.8:443", ""),
        ("testclient", ""),
    ],
)
def test_a_country_is_known_by_the_address_or_not_at_all(address: str, country: str) -> None:
    assert enriched(address=address).country == country


@given(st.text(max_size=60))
def test_no_address_stops_a_click(address: str) -> None:
    assert len(enriched(address=address).country) in {0, 2}


def test_a_visitor_is_known_by_address_user_agent_and_salt() -> None:
    known = visitor_hash(SALT, "203.0.113.7", CHROME)
    assert known == visitor_hash(SALT, "203.0.113.7", CHROME)
    others = {
        visitor_hash(b"t" * 32, "203.0.113.7", CHROME),
        visitor_hash(SALT, "203.0.113.8", CHROME),
        visitor_hash(SALT, "203.0.113.7", "curl/8"),
    }
    assert len(others | {known}) == 4


@pytest.mark.parametrize(
    ("off_by", "kept"),
    [
        (timedelta(0), timedelta(0)),
        (timedelta(minutes=4), timedelta(minutes=4)),
        (timedelta(hours=5), MAX_AHEAD),
        (timedelta(days=365 * 900), MAX_AHEAD),
        (timedelta(days=-399), timedelta(days=-399)),
        (timedelta(days=-1000), -MAX_AGE),
        (timedelta(days=-365 * 50), -MAX_AGE),
    ],
)
def test_a_clock_that_is_far_off_is_held_at_the_limit(off_by: timedelta, kept: timedelta) -> None:
    assert enriched(at_ms=int((NOW + off_by).timestamp() * 1000)).at == NOW + kept


@pytest.mark.parametrize("at_ms", [-(2**63), -1, 0, 2**53, 2**63 - 1])
def test_a_clock_that_shows_nonsense_is_held_at_the_limit(at_ms: int) -> None:
    assert enriched(at_ms=at_ms).at in {NOW - MAX_AGE, NOW + MAX_AHEAD}


def test_the_days_of_clicks_are_utc_days() -> None:
    moments = (datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
    clicks = [Click(1, int(moment.timestamp() * 1000), "", CHROME, "") for moment in moments]
    assert days(clicks, NOW) == {date(2026, 11, 20), date(2026, 11, 21)}


async def test_a_web_process_can_parse_before_it_serves(settings: Settings) -> None:
    """When Redis goes away it writes clicks itself, and has no time then to compile patterns."""
    _parser.cache_clear()
    parse_agent.cache_clear()
    async with running_app(settings):
        assert _parser.cache_info().currsize == 1
