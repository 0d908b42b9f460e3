"""Options of links in the API: given back as they were set, refused with a pointer, bounded, and the same in bulk."""

import json

import pytest
from dirty_equals import IsPartialDict, IsStr

from shortener.http.problems import MAX_FAULTS
from tests.conftest import changed, client_of, create_link, running_app
from tests.links.plain import PLAIN
from tests.links.test_api import LINKS, assert_problem

URL = "https://example.com/"
RULES = [
    {
        "name": "everything",
        "if": [
            {"type": "device", "values": ["ios", "mobile"]},
            {"type": "browser", "values": ["safari"]},
            {"type": "language", "values": ["de", "pt-br"]},
            {"type": "country", "values": ["DE", "AT"]},
            {"type": "query", "name": "a", "match": "equals", "value": "1"},
            {"type": "query", "name": "b", "match": "any"},
            {"type": "network", "values": ["192.0.2.0/24", "198.51.100.*"]},
            {"type": "referrer", "values": ["news.example"]},
            {"type": "before", "at": "2027-01-01T00:00:00Z"},
            {"type": "after", "at": "2026-01-01T00:00:00Z"},
            {"type": "schedule", "weekdays": ["mon"], "from": "09:00", "to": "17:30", "time_zone": "Europe/Berlin"},
            {"type": "sampled", "percent": 12.5},
        ],
        "url": "https://rule.example/",
    },
    {"name": "never", "if": [], "url": "https://never.example/"},
]
OPTIONS = {
    "starts_at": "2026-01-01T00:00:00Z",
    "expires_at": "2099-01-01T00:00:00Z",
    "max_clicks": 100,
    "fallback_url": "https://fallback.example/",
    "redirect_status": 307,
    "forward_query": True,
    "forward_path": True,
    "utm": {"source": "s", "medium": None, "campaign": "c d", "term": None, "content": None},
    "note": "first line\nsecond line",
    "rules": RULES,
    "variants": [{"name": "a", "url": "https://a.example/", "weight": 1}],
    "preview": {"title": "T", "description": None, "image_url": "https://img.example/x.png"},
    "indexable": True,
    "public_stats": True,
    "archived": True,
    "tags": ["campaign", "spring-sale"],
}


def options_of(link: dict) -> dict:
    return {name: link[name] for name in OPTIONS}


def without_null(value):
    """As the API leaves out members that were not given."""
    if isinstance(value, dict):
        return {name: without_null(each) for name, each in value.items() if each is not None}
    return [without_null(each) for each in value] if isinstance(value, list) else value


async def test_every_option_is_given_back_as_it_was_set_by_create_bulk_put_and_patch(client):
    created = await create_link(client, URL, code="one", **OPTIONS)
    bulk = await client.post(f"{LINKS}/bulk", json={"links": [{"url": URL, "code": "two", **OPTIONS}, {"url": URL}]})
    put = await client.put(f"{LINKS}/three", json={"url": URL, **OPTIONS})
    await create_link(client, URL, code="four")
    patched = await client.patch(f"{LINKS}/four", json=OPTIONS)
    two, plain = (result["link"] for result in bulk.json()["results"])
    assert options_of(plain) == PLAIN
    for link in (created, two, put.json(), patched.json()):
        assert without_null(options_of(link)) == without_null(OPTIONS)
        assert (await client.get(f"{LINKS}/{link['code']}")).json() == link | {"updated_at": IsStr()}


async def test_a_link_that_loses_its_last_option_is_followed_as_before(client):
    await create_link(client, code="once", forward_query=True)
    await client.patch(f"{LINKS}/once", json={"forward_query": False})
    assert (await client.get("/once")).status_code == 302


async def test_each_option_can_be_taken_away_alone(client):
    await create_link(client, URL, code="abc", **OPTIONS)
    expected = dict(OPTIONS)
    for name, plain in PLAIN.items():
        link = (await client.patch(f"{LINKS}/abc", json={name: plain})).json()
        expected[name] = plain
        assert without_null(options_of(link)) == without_null(expected), name
    assert options_of(link) == PLAIN


def rule(*conditions: dict, name: str = "r", url: str = URL) -> dict:
    return {"rules": [{"name": name, "if": list(conditions), "url": url}]}


def values(kind: str, *found: str, **more) -> dict:
    return rule({"type": kind, "values": list(found), **more})


def schedule(**changes: str) -> dict:
    hours = {"type": "schedule", "weekdays": ["mon"], "from": "09:00", "to": "10:00", "time_zone": "UTC"}
    return rule(hours | {name.removesuffix("_"): value for name, value in changes.items()})


@pytest.mark.parametrize(
    ("option", "pointer"),
    [
        (rule({"type": "mood"}), "/rules/0/if/0"),
        (rule({"values": ["ios"]}), "/rules/0/if/0"),
        (values("device", "fridge"), "/rules/0/if/0/values/0"),
        (values("device"), "/rules/0/if/0/values"),
        (values("device", "ios", x=1), "/rules/0/if/0/x"),
        (values("language", "german!"), "/rules/0/if/0/values/0"),
        (values("country", "GER"), "/rules/0/if/0/values/0"),
        (values("network", "1.2.*.4/8"), "/rules/0/if/0/values/0"),
        (values("referrer", "https://news.example/"), "/rules/0/if/0/values/0"),
        (rule({"type": "query", "name": "a"}), "/rules/0/if/0"),
        (rule({"type": "before", "at": "2026-01-01T00:00:00"}), "/rules/0/if/0/at"),
        (rule({"type": "before", "at": 0}), "/rules/0/if/0/at"),
        (schedule(from_="24:00"), "/rules/0/if/0/from"),
        (schedule(time_zone="Mars/X"), "/rules/0/if/0/time_zone"),
        (rule({"type": "sampled", "percent": 101}), "/rules/0/if/0/percent"),
        (rule(url="javascript:alert(1)"), "/rules/0/url"),
        (rule(url="https://sho.rt/abc"), "/rules/0/url"),
        ({"rules": rule()["rules"] * 2}, "/rules"),
        (rule(name=""), "/rules/0/name"),
        ({"rules": [1]}, "/rules/0"),
        ({"rules": [{"name": "r", "if": 1, "url": URL}]}, "/rules/0/if"),
        ({"rules": [{"name": "r", "if": [1], "url": URL}]}, "/rules/0/if/0"),
        ({"variants": [{"name": "v", "url": "ftp://x/", "weight": 1}]}, "/variants/0/url"),
        ({"variants": [{"name": "v", "url": URL, "weight": -1}]}, "/variants/0/weight"),
        ({"fallback_url": "https://sho.rt/abc"}, "/fallback_url"),
        ({"preview": {"image_url": "data:image/png,x"}}, "/preview/image_url"),
        ({"redirect_status": 303}, "/redirect_status"),
        ({"max_clicks": 0}, "/max_clicks"),
        ({"utm": {"colour": "x"}}, "/utm/colour"),
        ({"note": "x" * 1001}, "/note"),
        ({"password": ""}, "/password"),
        ({"forward_query": None}, "/forward_query"),
        ({"starts_at": "2026-01-01"}, "/starts_at"),
    ],
)
async def test_a_wrong_option_is_refused_with_a_pointer_to_it_everywhere(client, option, pointer):
    await create_link(client, URL, code="abc")
    for answer in (
        await client.post(LINKS, json={"url": URL, **option}),
        await client.put(f"{LINKS}/abc", json={"url": URL, **option}),
        await client.patch(f"{LINKS}/abc", json=option),
    ):
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"] == [IsPartialDict(field=pointer, message=IsStr(min_length=3))]
    bulk = (await client.post(f"{LINKS}/bulk", json={"links": [{"url": URL, **option}, {"url": URL}]})).json()
    assert [result["status"] for result in bulk["results"]] == [422, 201]
    assert bulk["results"][0]["problem"]["errors"] == [IsPartialDict(field=f"/links/0{pointer}")]
    assert options_of((await client.get(f"{LINKS}/abc")).json()) == PLAIN


async def test_what_is_too_much_is_refused_and_what_is_just_enough_is_not(client):
    rules = [{"name": f"r{n}", "if": [{"type": "country", "values": ["DE"] * 10}] * 20, "url": URL} for n in range(51)]
    assert len(json.dumps(rules[:2])) < 64 * 1024
    too_many = [rules[0] | {"if": rules[0]["if"] * 2}]
    assert_problem(await client.post(LINKS, json={"url": URL, "rules": too_many}), 422, "invalid-request")
    few = [rule | {"if": rule["if"][:1]} for rule in rules]
    assert (await client.post(LINKS, json={"url": URL, "rules": few[:50]})).status_code == 201
    assert_problem(await client.post(LINKS, json={"url": URL, "rules": few}), 422, "invalid-request")
    longest = [rule | {"url": URL + "x" * 8000} for rule in few]
    assert_problem(await client.post(LINKS, json={"url": URL, "rules": longest}), 413, "content-too-large")
    condition = {"type": "country", "values": ["DE"] * 100}
    many_values = [{"name": f"r{n}", "if": [condition], "url": URL} for n in range(6)]
    assert (await client.post(LINKS, json={"url": URL, "rules": many_values[:5]})).status_code == 201
    assert_problem(await client.post(LINKS, json={"url": URL, "rules": many_values}), 422, "invalid-request")
    variants = [{"name": f"v{n}", "url": URL} for n in range(11)]
    assert (await client.post(LINKS, json={"url": URL, "variants": variants[:10]})).status_code == 201
    assert_problem(await client.post(LINKS, json={"url": URL, "variants": variants}), 422, "invalid-request")
    many = {f"x{n}": 1 for n in range(30)}
    faults = (await client.post(LINKS, json={"url": URL, "utm": many})).json()["errors"]
    assert 1 <= len(faults) <= MAX_FAULTS


@pytest.mark.parametrize(
    "text", ["\u202eevil", "a\x00b", "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace") + "\x07"]
)
async def test_texts_that_deceive_are_refused_in_every_new_text(client, text):
    for option in (
        {"note": text},
        {"rules": [{"name": text, "if": [], "url": URL}]},
        {"variants": [{"name": text, "url": URL}]},
        {"utm": {"source": text}},
        {"preview": {"title": text}},
        {"preview": {"description": text}},
    ):
        answer = await client.post(LINKS, json={"url": URL, **option})
        assert_problem(answer, 422, "invalid-request")


async def test_odd_but_honest_texts_are_kept_and_harmless_where_they_are_shown(client, drain):
    name = '=HYPERLINK("x") <b>\u200b1\u2066'
    await create_link(client, URL, code="abc", variants=[{"name": name, "url": URL}], note="  =1+1\u00a0 ")
    link = (await client.get(f"{LINKS}/abc")).json()
    assert (link["variants"][0]["name"], link["note"]) == ('=HYPERLINK("x") <b>\u200b1', "=1+1")
    await client.get("/abc")
    await drain()
    lines = (await client.get(f"{LINKS}/abc/clicks", params={"format": "csv"})).text
    assert "'=HYPERLINK" in lines


async def test_a_made_up_request_shows_which_rule_answers_and_why_others_do_not(client):
    rules = [
        {"name": "phones", "if": [{"type": "device", "values": ["ios"]}], "url": "https://apps.example/"},
        {"name": "poster", "if": [{"type": "query", "name": "s", "value": "p"}], "url": "https://poster.example/"},
    ]
    await create_link(client, URL, code="abc", rules=rules, forward_query=True, password="x", max_clicks=1)
    path = f"{LINKS}/abc/rules/test"
    asked = {"headers": {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64)"}, "query": "s=p", "address": "192.0.2.1"}
    assert (await client.post(path, json=asked)).json() == {
        "url": "https://poster.example/?s=p",
        "rule": "poster",
        "variant": None,
        "reasons": [{"rule": "phones", "condition": 0, "reason": "The device is desktop, windows."}],
    }
    nothing = (await client.post(path, json={})).json()
    assert (nothing["url"], nothing["rule"], len(nothing["reasons"])) == (URL, None, 2)
    for wrong, pointer in (
        ({"address": "localhost"}, "/address"),
        ({"headers": {"A": "b\r\nC: d"}}, "/headers"),
        ({"headers": {"a b": "c"}}, "/headers"),
        ({"at": "2026-01-01T00:00:00"}, "/at"),
        ({"cookie": "x"}, "/cookie"),
    ):
        answer = await client.post(path, json=wrong)
        assert_problem(answer, 422, "invalid-request", errors=[IsPartialDict(field=pointer)])


async def test_conditions_of_cities_need_a_geo_database(client):
    rule = {"name": "r", "if": [{"type": "city", "values": ["Berlin"]}], "url": URL}
    answer = await client.post(LINKS, json={"url": URL, "rules": [rule]})
    assert_problem(answer, 422, "cities-unknown", errors=[IsPartialDict(field="/rules/0/if/0")])


async def test_a_bulk_request_has_a_bounded_number_of_passwords(client):
    links = [{"url": URL, "password": f"secret {n}"} for n in range(21)] + [{"url": URL}]
    results = (await client.post(f"{LINKS}/bulk", json={"links": links})).json()["results"]
    assert [result["status"] for result in results] == [201] * 20 + [422, 201]
    assert results[20]["problem"]["type"].endswith("too-many-passwords")
    assert results[0]["link"]["has_password"] is True


async def test_a_change_of_one_option_leaves_the_others_and_says_in_the_audit_log_what_changed(client, database):
    await create_link(client, URL, code="abc", forward_query=True, utm={"source": "s"})
    link = (await client.patch(f"{LINKS}/abc", json={"utm": None, "note": "x"})).json()
    assert (link["forward_query"], link["utm"], link["note"]) == (True, None, "x")
    before = link["updated_at"]
    assert (await client.patch(f"{LINKS}/abc", json={"forward_query": True})).json()["updated_at"] == before
    async with database.driver_connection() as connection:
        rows = await connection.fetch("SELECT details FROM audit_log WHERE action = 'link.changed'")
    assert [row["details"] for row in rows] == [{"fields": ["note", "utm"]}]


async def test_anonymous_links_lead_to_no_deceptive_name_by_any_way(settings):
    async with running_app(changed(settings, look_alikes="warn")) as app, client_of(app) as client:
        deceptive = "https://xn--80ak6aa92e.example/"
        answer = await client.post(LINKS, json={"url": URL, "variants": [{"name": "v", "url": deceptive}]})
        assert_problem(answer, 422, "invalid-destination")
