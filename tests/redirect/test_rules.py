"""Rules and variants: each condition, stickiness, shares; and all of it against a naive model written on its own."""

import ipaddress
import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shortener.places.geo_database import Place
from shortener.redirect.options import Options
from shortener.redirect.request import CodePath, request_of_headers
from shortener.redirect.rules import Choice, Plan, parse_network
from shortener.redirect.visit import Visit

KEY = b"k" * 32
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
AGENTS = {
    "iphone": IPHONE,
    "ipad": IPHONE.replace("iPhone; CPU iPhone OS", "iPad; CPU OS"),
    "android": "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36",
    "samsung": "Mozilla/5.0 (Linux; Android 15; SM-S931B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    "android tablet": "Mozilla/5.0 (Linux; Android 15; SM-X910) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
    "windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    "Safari/537.36",
    "edge": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    "Safari/537.36 Edg/140.0.0.0",
    "mac": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Safari/605.1.15",
    "firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "chromebook": "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    "Safari/537.36",
    "opera": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 "
    "Safari/537.36 OPR/122.0.0.0",
    "curl": "curl/8.14.1",
}
TV = "Mozilla/5.0 (Linux; Android 14; BRAVIA 4K VH2) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"
DEVICES = ("ios", "android", "mobile", "tablet", "desktop", "windows", "macos", "linux", "chromeos")
BROWSERS = ("chrome", "edge", "firefox", "safari", "opera", "samsung", "other")
PLACES = {
    "192.0.2.1": Place("DE", "Bavaria", "Munich"),
    "192.0.2.2": Place("FR", "", "Paris"),
    "2001:db8::1": Place("US"),
}


def visit(
    agent: str = "windows",
    address: str = "203.0.113.7",
    query: str = "",
    at: datetime = NOW,
    **headers: str,
) -> Visit:
    lines = {"user_agent": AGENTS.get(agent, agent), **headers}
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in lines.items()]
    request = request_of_headers(CodePath("abc", is_preview=False), b"", "GET", raw, query.encode(), address)
    return Visit(request, at.timestamp(), lambda who: PLACES.get(who, Place()))


def plan(*rules: list[dict[str, Any]], variants: list[dict[str, Any]] | None = None, link_id: int = 7) -> Plan:
    named = [{"name": f"r{n}", "if": conditions, "url": f"https://r{n}.example/"} for n, conditions in enumerate(rules)]
    options = msgspec.convert({"rules": named, "variants": variants or []}, Options)
    return Plan(options, link_id, KEY)


def holds(condition: dict[str, Any], who: Visit) -> bool:
    return plan([condition]).choose(who).rule == "r0"


@pytest.mark.parametrize(
    ("agent", "devices", "browser"),
    [
        ("iphone", {"ios", "mobile"}, "safari"),
        ("ipad", {"ios", "tablet"}, "safari"),
        ("android", {"android", "mobile"}, "chrome"),
        ("samsung", {"android", "mobile"}, "samsung"),
        ("android tablet", {"android", "tablet"}, "chrome"),
        ("windows", {"windows", "desktop"}, "chrome"),
        ("edge", {"windows", "desktop"}, "edge"),
        ("mac", {"macos", "desktop"}, "safari"),
        ("firefox", {"linux", "desktop"}, "firefox"),
        ("chromebook", {"chromeos", "desktop"}, "chrome"),
        ("opera", {"windows", "desktop"}, "opera"),
        ("curl", set(), "other"),
    ],
)
def test_devices_and_browsers_are_told_by_their_user_agent(agent, devices, browser):
    assert {name for name in DEVICES if holds({"type": "device", "values": [name]}, visit(agent))} == devices
    assert [name for name in BROWSERS if holds({"type": "browser", "values": [name]}, visit(agent))] == [browser]


def test_client_hints_say_what_a_reduced_user_agent_hides():
    who = visit("windows", sec_ch_ua_platform='"Chrome OS"')
    assert holds({"type": "device", "values": ["chromeos"]}, who)
    assert not holds({"type": "device", "values": ["windows"]}, who)
    assert holds({"type": "device", "values": ["mobile"]}, visit("firefox", sec_ch_ua_mobile="?1"))
    assert holds({"type": "device", "values": ["linux"]}, visit("firefox", sec_ch_ua_platform='"Nonsense"'))


@pytest.mark.parametrize(
    ("agent", "platform", "mobile", "devices"),
    [
        # Chrome on a tablet asks for pages for desktops.
        ("firefox", '"Android"', "?0", {"android", "tablet"}),
        ("android", '"Android"', "?0", {"android", "tablet"}),
        ("android tablet", '"Android"', "?1", {"android", "mobile"}),
        # A phone that asks for pages for desktops.
        ("firefox", '"Linux"', "?0", {"linux", "desktop"}),
        ("android", '"Windows"', "?0", {"windows", "desktop"}),
        ("curl", "", "?0", set()),
        ("curl", '"Windows"', "?0", {"windows", "desktop"}),
        ("windows", "", "?0", {"windows", "desktop"}),
        ("android", "", "?nonsense", {"android", "mobile"}),
        (TV, '"Android"', "?0", {"android"}),
    ],
)
def test_client_hints_decide_whether_a_device_is_a_phone_a_tablet_or_a_desktop(agent, platform, mobile, devices):
    who = visit(agent, sec_ch_ua_platform=platform, sec_ch_ua_mobile=mobile)
    assert {name for name in DEVICES if holds({"type": "device", "values": [name]}, who)} == devices


@pytest.mark.parametrize(
    ("brands", "browser"),
    [
        ('"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"', "chrome"),
        ('"Microsoft Edge";v="140", "Chromium";v="140", "Not;A\\"Brand";v="8"', "edge"),
        ('"Not,A=Brand";v="8", "Chromium";v="140", "Opera";v="124"', "opera"),
        ('"Chromium";v="130", "Opera GX";v="115"', "opera"),
        ('"SAMSUNG INTERNET";v="28.0", "Chromium";v="130"', "samsung"),
        # For an unknown name, the User-Agent decides.
        ('"Chromium";v="140", "Brave";v="140"', "firefox"),
        ('"Chromium";v="Opera"', "firefox"),
        ("nonsense", "firefox"),
        ('"Opera', "firefox"),
        ("", "firefox"),
    ],
)
def test_client_hints_name_the_browser(brands, browser):
    who = visit("firefox", sec_ch_ua=brands)
    assert [name for name in BROWSERS if holds({"type": "browser", "values": [name]}, who)] == [browser]


def test_lists_in_several_header_lines_are_one_list():
    lines = [(b"accept-language", b"fr"), (b"cookie", b"a=b"), (b"accept-language", b"de;q=0.95"), (b"sec-ch-ua", b"")]
    lines += [(b"sec-ch-ua", b'"Chromium";v="140"'), (b"sec-ch-ua", b'"Opera";v="124"'), (b"accept", b"*/*")]
    request = request_of_headers(CodePath("abc", is_preview=False), b"", "GET", lines, b"", "203.0.113.7")
    who = Visit(request, NOW.timestamp())
    assert who.head.languages == ("fr", "de")
    assert who.head.browser == "opera"


@pytest.mark.parametrize(
    ("header", "value", "fits"),
    [
        ("de-AT", "de", True),
        ("de", "de-at", False),
        ("DE-at", "de-at", True),
        ("den", "de", False),
        ("en,de;q=0.9", "de", True),
        ("en,de;q=0.89", "de", False),
        ("en;q=0.5,de;q=0.45", "de", True),
        ("de;q=0", "de", False),
        ("fr;q=0.010,de;q=0.009", "de", True),
        ("*", "de", False),
        ("*,de;q=0.9", "de", True),
        ("de;q=nonsense", "de", False),
        ("de ; q=1", "de", True),
        ("", "de", False),
        ("pt-BR,pt;q=0.9", "pt-br", True),
    ],
)
def test_a_language_fits_when_it_is_asked_for_about_as_much_as_any_other(header, value, fits):
    assert holds({"type": "language", "values": [value]}, visit(accept_language=header)) is fits


def test_countries_and_cities_are_where_the_address_is():
    assert holds({"type": "country", "values": ["FR", "DE"]}, visit(address="192.0.2.1"))
    assert not holds({"type": "country", "values": ["DE"]}, visit(address="192.0.2.2"))
    assert holds({"type": "city", "values": ["munich"]}, visit(address="192.0.2.1"))
    assert not holds({"type": "city", "values": ["Munich"]}, visit(address="203.0.113.9"))


@pytest.mark.parametrize(
    ("query", "condition", "fits"),
    [
        ("a=1", {"name": "a", "value": "1"}, True),
        ("a=2&a=1", {"name": "a", "value": "1"}, True),
        ("a=1%20x", {"name": "a", "value": "1 x"}, True),
        ("a=1+x", {"name": "a", "value": "1 x"}, True),
        ("A=1", {"name": "a", "value": "1"}, False),
        ("%61=%E4%B8%AD", {"name": "a", "value": "中"}, True),
        ("a=", {"name": "a", "match": "any"}, True),
        ("a", {"name": "a", "match": "any"}, True),
        ("b=1", {"name": "a", "match": "any"}, False),
        ("a=1", {"name": "a", "match": "empty"}, False),
        ("a=1&a=", {"name": "a", "match": "empty"}, True),
        ("a", {"name": "a", "match": "empty"}, True),
        ("", {"name": "a", "match": "empty"}, False),
    ],
)
def test_a_parameter_of_the_query_is_compared_decoded(query, condition, fits):
    assert holds({"type": "query", **condition}, visit(query=query)) is fits


@pytest.mark.parametrize(
    ("network", "address", "fits"),
    [
        ("192.0.2.0/24", "192.0.2.200", True),
        ("192.0.2.*", "192.0.2.200", True),
        ("192.0.*.*", "192.0.77.1", True),
        ("192.0.2.*", "192.0.3.1", False),
        ("192.0.2.7", "192.0.2.7", True),
        ("198.*.100.*", "198.51.100.7", True),
        ("198.*.100.*", "198.51.101.7", False),
        ("*.*.*.*", "2001:db8::1", False),
        ("192.0.2.0/24", "::ffff:192.0.2.5", True),
        ("::ffff:192.0.2.0/120", "192.0.2.5", True),
        ("::ffff:192.0.2.5", "192.0.2.5", True),
        ("::ffff:c000:205", "::ffff:192.0.2.5", True),
        ("::FFFF:192.0.2.5", "192.0.2.6", False),
        ("2002::/16", "2002:c000:205::1", True),
        ("2002:c000:205::/48", "2002:c000:205::1", True),
        ("192.0.2.0/24", "2002:c000:205::1", True),
        ("64:ff9b::/96", "64:ff9b::192.0.2.5", True),
        ("2001::/32", "2001:0:53aa:64c::1", True),
        ("2002::/16", "192.0.2.5", False),
        ("::/0", "192.0.2.5", False),
        ("2001:db8::/32", "2001:db8:1::9", True),
        ("2001:db8::/32", "2001:db9::9", False),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("192.0.2.0/24", "unknown", False),
    ],
)
def test_a_network_holds_the_addresses_that_it_says(network, address, fits):
    assert holds({"type": "network", "values": [network]}, visit(address=address)) is fits


@pytest.mark.parametrize(
    "text", ["192.0.*.1/24", "192.0.2*.1", "192.0.2.0/33", "192.0.2", "192.*", "x", "", "2001:db8::*", "1.2.3.4.5"]
)
def test_what_is_not_a_network_is_refused(text):
    with pytest.raises(ValueError, match="not a network"):
        parse_network(text)


def test_referrers_are_compared_by_their_exact_host():
    for referrer, fits in (
        ("https://news.example/a?b", True),
        ("https://NEWS.example", True),
        ("https://user@news.example:8080/", True),
        ("https://news.example./", True),
        ("https://www.news.example/", False),
        ("https://other.example/?https://news.example/", False),
        ("news.example", False),
        ("", False),
    ):
        assert holds({"type": "referrer", "values": ["news.example"]}, visit(referer=referrer)) is fits, referrer


def test_before_and_after_meet_at_the_moment_itself():
    moment = {"at": "2026-11-26T13:00:00+01:00"}
    for seconds, before in ((-1, True), (0, False), (1, False)):
        who = visit(at=NOW + timedelta(seconds=seconds))
        assert holds({"type": "before", **moment}, who) is before
        assert holds({"type": "after", **moment}, who) is not before


WORK = {"type": "schedule", "weekdays": ["fri"], "from": "22:00", "to": "02:30", "time_zone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("local", "fits"),
    [
        ("2026-11-27T21:59", False),
        ("2026-11-27T22:00", True),
        ("2026-11-28T00:00", True),
        ("2026-11-28T02:29", True),
        ("2026-11-28T02:30", False),
        ("2026-11-27T01:00", False),
        ("2026-11-28T22:00", False),
    ],
)
def test_a_schedule_over_midnight_belongs_to_the_day_on_which_it_began(local, fits):
    at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert holds(WORK, visit(at=at)) is fits


@pytest.mark.parametrize(
    ("zone", "utc", "fits"),
    [
        # Clocks go from 2:00 to 3:00: the hour from 2:00 does not exist, and 3:00 comes at once.
        ("Europe/Berlin", "2026-03-29T00:59", False),
        ("Europe/Berlin", "2026-03-29T01:00", True),
        # They go back from 3:00 to 2:00: 2:30 comes twice.
        ("Europe/Berlin", "2026-10-25T00:30", True),
        ("Europe/Berlin", "2026-10-25T01:30", True),
        ("Europe/Berlin", "2026-10-25T02:30", True),
        ("Europe/Berlin", "2026-10-25T03:00", False),
        ("America/New_York", "2026-11-01T06:30", False),
        ("America/New_York", "2026-11-01T07:00", True),
    ],
)
def test_a_schedule_follows_the_clocks_on_days_when_they_change(zone, utc, fits):
    every = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    condition = {"type": "schedule", "weekdays": every, "from": "02:00", "to": "04:00", "time_zone": zone}
    assert holds(condition, visit(at=datetime.fromisoformat(utc).replace(tzinfo=UTC))) is fits


def test_the_first_rule_that_holds_wholly_wins_and_one_without_conditions_never_does():
    ios, french = {"type": "device", "values": ["ios"]}, {"type": "language", "values": ["fr"]}
    rules = plan([], [ios, french], [ios], [french])
    assert rules.choose(visit("iphone", accept_language="fr")).rule == "r1"
    assert rules.choose(visit("iphone")).rule == "r2"
    assert rules.choose(visit("windows", accept_language="fr")).rule == "r3"
    assert rules.choose(visit("windows")) == Choice()
    choice, reasons = rules.explain(visit("windows", accept_language="fr"))
    assert choice == Choice("https://r3.example/", "r3", None)
    assert [(why.rule, why.condition) for why in reasons] == [("r0", None), ("r1", 0), ("r2", 0)]
    assert all(why.reason.endswith(".") for why in reasons)


def visitors(count: int) -> list[Visit]:
    chance = random.Random(5)
    return [
        visit(chance.choice(list(AGENTS)), str(ipaddress.IPv4Address(chance.randrange(2**32)))) for _ in range(count)
    ]


VARIANTS = [
    {"name": "a", "url": "https://a.example/", "weight": 1},
    {"name": "b", "url": "https://b.example/", "weight": 3},
    {"name": "none", "url": "https://none.example/", "weight": 0},
]


def test_variants_share_visitors_by_their_weights_and_each_visitor_stays_with_one():
    crowd, both = visitors(10_000), plan(variants=VARIANTS)
    counts = Counter(both.choose(who).variant for who in crowd)
    assert set(counts) == {"a", "b"}
    assert counts["b"] == pytest.approx(7500, abs=200)
    again = plan(variants=VARIANTS)
    later = [visit(at=NOW + timedelta(days=n)) for n in range(50)]
    assert len({again.choose(who).variant for who in later}) == 1
    other = plan(variants=VARIANTS, link_id=8)
    moved = sum(both.choose(who).variant != other.choose(who).variant for who in crowd)
    assert moved > 2000, "another link draws again"


def test_without_any_weight_no_variant_answers():
    assert plan(variants=[VARIANTS[2]]).choose(visit()) == Choice()


@pytest.mark.parametrize("percent", [0, 10, 50, 99.5, 100])
def test_a_sample_is_its_share_of_visitors_always_the_same_and_independent_of_others(percent):
    crowd = visitors(10_000)
    sample = {"type": "sampled", "percent": percent}
    chosen = plan([sample], [sample])
    counts = Counter(chosen.choose(who).rule for who in crowd)
    assert counts["r0"] == pytest.approx(100 * percent, abs=0 if percent in (0, 100) else 180)
    left = 10_000 - counts["r0"]
    assert counts["r1"] == pytest.approx(left * percent / 100, abs=180)
    assert [chosen.choose(who) for who in crowd[:100]] == [plan([sample], [sample]).choose(who) for who in crowd[:100]]


def test_two_samples_of_one_rule_are_drawn_apart():
    sample = {"type": "sampled", "percent": 50}
    both = plan([sample, sample])
    assert sum(both.choose(who).rule == "r0" for who in visitors(10_000)) == pytest.approx(2500, abs=200)


def test_a_time_zone_that_is_no_longer_known_makes_its_rule_hold_for_nobody():
    hours = {"type": "schedule", "weekdays": ["thu"], "from": "00:00", "to": "00:00", "time_zone": "Mars/Olympus"}
    rules = plan([hours], [{"type": "device", "values": ["windows"]}])
    choice, reasons = rules.explain(visit())
    assert (rules.choose(visit()).rule, choice.rule) == ("r1", "r1")
    assert reasons[0].reason == "The time zone Mars/Olympus is not known."


# A second reading of the specification, as naive as can be.
def naive(condition: dict[str, Any], facts: dict[str, Any]) -> bool:
    kind, values = condition["type"], condition.get("values", [])
    if kind == "language":
        wanted = []
        for part in facts["languages"].split(","):
            tag, _, weight = part.partition(";q=")
            wanted.append((tag.strip().lower(), float(weight or 1)))
        best = max(q for _, q in wanted)
        return any(
            q > 0 and q >= 0.9 * best and (tag == value or tag.startswith(value + "-"))
            for tag, q in wanted
            for value in values
            if tag != "*"
        )
    if kind == "country":
        return facts["country"] in values
    if kind == "network":
        address = ipaddress.ip_address(facts["address"])
        return any(
            address
            in ipaddress.ip_network(
                re.sub(r"\.\*", ".0", v) if "*" not in v else v.replace("*", "0") + f"/{8 * (4 - v.count('*'))}"
            )
            for v in values
        )
    if kind == "query":
        pairs = [pair.partition("=") for pair in facts["query"].split("&") if pair]
        found = [unquote_plus(value) for name, _, value in pairs if unquote_plus(name) == condition["name"]]
        match = condition.get("match", "equals")
        return bool(found) if match == "any" else ("" if match == "empty" else condition["value"]) in found
    if kind in ("before", "after"):
        moment = datetime.fromisoformat(condition["at"])
        return (facts["at"] < moment) is (kind == "before")
    assert kind == "schedule"
    minute, day = facts["at"].astimezone(ZoneInfo(condition["time_zone"])), 0
    start, end = condition["from"], condition["to"]
    clock = f"{minute:%H:%M}"
    if start >= end and clock < end:
        day = -1
        inside = True
    elif start >= end:
        inside = clock >= start
    else:
        inside = start <= clock < end
    weekday = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][(minute.weekday() + day) % 7]
    if start >= end and day == 0 and clock < start:
        inside = False
    return inside and weekday in condition["weekdays"]


NETWORKS = ["192.0.2.0/31", "192.0.2.*", "203.0.*.*", "10.0.0.0/8", "2001:db8::/32"]
_clock = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
_moments = st.integers(0, 365 * 24 * 4).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + n * timedelta(minutes=15))
_tags = st.sampled_from(["de", "de-at", "en", "en-us", "fr", "*"])
_languages = st.lists(
    st.builds("{};q={}".format, _tags, st.sampled_from(["0", "0.5", "0.9", "0.91", "1"])), min_size=1, max_size=4
).map(",".join)
_conditions = st.one_of(
    st.builds(lambda v: {"type": "language", "values": v}, st.lists(_tags.filter("*".__ne__), min_size=1, max_size=2)),
    st.builds(lambda v: {"type": "country", "values": v}, st.lists(st.sampled_from(["DE", "FR"]), min_size=1)),
    st.builds(
        lambda v: {"type": "network", "values": v},
        st.lists(st.sampled_from(NETWORKS), min_size=1),
    ),
    st.builds(
        lambda name, match: (
            {"type": "query", "name": name, "match": match} | ({"value": "1"} if match == "equals" else {})
        ),
        st.sampled_from(["a", "b c"]),
        st.sampled_from(["equals", "any", "empty"]),
    ),
    st.builds(lambda kind, at: {"type": kind, "at": at.isoformat()}, st.sampled_from(["before", "after"]), _moments),
    st.builds(
        lambda days, start, end, zone: {
            "type": "schedule", "weekdays": days, "from": start, "to": end, "time_zone": zone,
        },
        st.lists(st.sampled_from(["mon", "tue", "sat", "sun"]), min_size=1, unique=True),
        _clock,
        _clock,
        st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
    ),
)  # fmt: skip


@given(
    st.lists(st.lists(_conditions, max_size=3), max_size=4),
    st.sampled_from(["192.0.2.1", "192.0.2.2", "203.0.113.7", "2001:db8::1"]),
    st.sampled_from(["", "a=1", "a=&b+c=1", "a=2&a=1", "b%20c", "&&a"]),
    _languages,
    _moments,
)
@hypothesis_settings(max_examples=400)
def test_rules_agree_with_a_naive_model(rules, address, query, languages, at):
    place = PLACES.get(address, Place())
    facts = {"address": address, "query": query, "languages": languages, "at": at, "country": place.country}
    expected = next(
        (f"r{n}" for n, conditions in enumerate(rules) if conditions and all(naive(c, facts) for c in conditions)), None
    )
    who = visit(address=address, query=query, at=at, accept_language=languages)
    assert plan(*rules).choose(who).rule == expected
    assert plan(*rules).explain(who)[0].rule == expected
