"""The API's promises about single links: creating, reading, changing and deleting them."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from dirty_equals import IsDatetime, IsNow, IsPartialDict, IsStr
from sqlalchemy import func, select

from shortener.links import codes
from shortener.links.models import Link
from tests.conftest import changed, client_of, create_link, running_app
from tests.links.plain import new_plain_link

LINKS = "/api/v1/links"
URL = "https://example.com/a?b=c#d"


def problem(status: int, type_: str, **members: object) -> IsPartialDict:
    expected = {"type": f"urn:shortener:problem:{type_}", "status": status, "title": IsStr(min_length=3)}
    return IsPartialDict(expected | {"detail": IsStr(min_length=3)} | members)


def assert_problem(answer, status: int, type_: str, **members: object) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    seen = f"{answer.request.method} {answer.request.url}: {answer.text}"
    assert (answer.status_code, answer.json()) == (status, problem(status, type_, **members)), seen


async def count_links(database) -> int:
    async with database.session() as session:
        return await session.scalar(select(func.count()).select_from(Link))


def in_a_day() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


async def test_a_created_link_is_given_whole_and_its_location_leads_to_it(client):
    answer = await client.post(LINKS, json={"url": URL, "title": "  Sale  "})
    assert answer.status_code == 201
    link = answer.json()
    assert link == new_plain_link(link, URL, "Sale")
    assert answer.headers["location"] == f"{LINKS}/{link['code']}"
    assert (await client.get(answer.headers["location"])).json() == link


async def test_a_custom_code_is_taken_as_it_is(client):
    link = await create_link(client, URL, code="Spring_Sale-26")
    assert (link["code"], link["short_url"]) == ("Spring_Sale-26", "https://sho.rt/Spring_Sale-26")


async def test_codes_differ_by_case(client):
    await create_link(client, "https://example.com/lower", code="spring")
    await create_link(client, "https://example.com/upper", code="SPRING")
    assert (await client.get("/spring")).headers["location"] == "https://example.com/lower"
    assert (await client.get("/SPRING")).headers["location"] == "https://example.com/upper"


async def test_a_taken_code_is_a_conflict_and_changes_nothing(client):
    link = await create_link(client, URL, code="taken")
    answer = await client.post(LINKS, json={"url": "https://example.com/other", "code": "taken"})
    assert_problem(answer, 409, "code-taken", detail="The code taken is taken.")
    assert (await client.get(f"{LINKS}/taken")).json() == link


async def test_of_a_hundred_that_race_for_a_code_exactly_one_gets_it(client, database):
    answers = await asyncio.gather(
        *(client.post(LINKS, json={"url": f"https://example.com/{i}", "code": "wanted"}) for i in range(100))
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 99}
    (won,) = [answer.json() for answer in answers if answer.status_code == 201]
    assert (await client.get("/wanted")).headers["location"] == won["url"]
    assert await count_links(database) == 1


async def test_a_reserved_word_is_no_code(client):
    for code in ("api", "API", "docs", "Health", "static", "well-known"):
        answer = await client.post(LINKS, json={"url": URL, "code": code})
        assert_problem(answer, 422, "invalid-request", errors=[IsPartialDict({"in": "body", "field": "/code"})])
        assert "reserved" in answer.json()["detail"]


async def test_codes_grow_when_their_space_is_full(settings, monkeypatch):
    monkeypatch.setattr(codes, "ALPHABET", "xy")
    async with running_app(changed(settings, code_length=3)) as app, client_of(app) as client:
        made = [(await create_link(client))["code"] for _ in range(20)]
    assert len(set(made)) == 20
    assert {len(code) for code in made} >= {3, 4}
    assert max(map(len, made)) <= 6


async def test_fifty_equal_requests_with_one_key_make_one_link_and_all_get_it(client, database):
    headers = {"Idempotency-Key": "order-17"}
    answers = await asyncio.gather(*(client.post(LINKS, json={"url": URL}, headers=headers) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await count_links(database) == 1


async def test_a_key_gives_the_first_answer_whatever_has_become_of_the_link_since(client, database):
    headers = {"Idempotency-Key": "order-17"}
    first = await client.post(LINKS, json={"url": URL, "code": "mine"}, headers=headers)
    await client.patch(f"{LINKS}/mine", json={"title": "another", "disabled": True})
    await client.delete(f"{LINKS}/mine")
    again = await client.post(LINKS, json={"url": URL, "code": "mine"}, headers=headers)
    assert (again.status_code, again.text, again.headers["location"]) == (201, first.text, first.headers["location"])
    assert (await client.get(f"{LINKS}/mine")).status_code == 404
    assert await count_links(database) == 1


async def test_a_key_of_a_version_that_stored_no_answers_still_gives_its_link(client, database):
    headers = {"Idempotency-Key": "order-17"}
    first = await client.post(LINKS, json={"url": URL}, headers=headers)
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE idempotency_keys SET answer = NULL")
    again = await client.post(LINKS, json={"url": URL}, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_a_key_that_was_used_for_another_request_is_refused(client, database):
    headers = {"Idempotency-Key": "order-17"}
    await client.post(LINKS, json={"url": URL}, headers=headers)
    for body in ({"url": "https://example.com/other"}, {"url": URL, "code": "other"}, {"url": URL, "title": "Other"}):
        assert_problem(await client.post(LINKS, json=body, headers=headers), 422, "idempotency-key-reused")
    assert await count_links(database) == 1


async def test_a_key_is_the_clients_own(app, database):
    answers = []
    for address in ("203.0.113.1", "203.0.113.2"):
        async with client_of(app, address, headers={"Idempotency-Key": "1"}) as client:
            answers.append(await client.post(LINKS, json={"url": URL}))
    assert len({answer.json()["code"] for answer in answers}) == 2


async def test_a_key_whose_request_failed_can_be_used_again(client):
    headers = {"Idempotency-Key": "order-18"}
    await create_link(client, code="taken")
    answer = await client.post(LINKS, json={"url": URL, "code": "taken"}, headers=headers)
    assert_problem(answer, 409, "code-taken")
    answer = await client.post(LINKS, json={"url": URL, "code": "free"}, headers=headers)
    assert answer.status_code == 201


async def test_an_empty_or_endless_key_is_refused(client):
    for key in ("", "x" * 256):
        answer = await client.post(LINKS, json={"url": URL}, headers={"Idempotency-Key": key})
        assert_problem(answer, 422, "invalid-request")


FORBIDDEN = {
    "javascript:alert(1)": "The URL's scheme is javascript; only http and https are allowed.",
    "https://user:password@example.com": "The URL contains credentials (user@ or user:password@).",
    "https://SHO.rt/abc": "The URL leads back to this service.",
    "http://127.1:8000/": "The URL leads back to this service.",
    "https://example.com/\x01": "The URL contains control characters.",
    "http://.com": ".com is not a valid host name.",
    "example.com:8080/x": "This is not a valid URL. Put https:// or http:// in front of it.",
    "https://example.com/" + "x" * 8192: "The URL is longer than 8192 characters.",
    "example.com": "This is not a valid URL. Put https:// or http:// in front of it.",
    "": "The URL is empty.",
}


async def test_a_forbidden_destination_is_refused_with_the_reason_at_creation_and_at_change(client):
    link = await create_link(client)
    path = f"{LINKS}/{link['code']}"
    for url, reason in FORBIDDEN.items():
        for answer in (await client.post(LINKS, json={"url": url}), await client.patch(path, json={"url": url})):
            assert_problem(answer, 422, "invalid-destination", detail=reason)
            assert answer.json()["errors"][0]["field"] == "/url"
    assert (await client.get(path)).json() == link


BAD_EXPIRIES = {
    "2020-01-01T00:00:00Z": "invalid-expiry",
    0: "invalid-request",
    4102444800: "invalid-request",
    "0001-01-01T00:00:00+23:00": "invalid-expiry",
    "2099-01-01T00:00:00": "invalid-request",
    "2099-01-01": "invalid-request",
    "tomorrow": "invalid-request",
    "9999-12-31T23:59:59-23:00": "invalid-request",
    "9999-12-31T23:59:59.999999Z": "invalid-request",
}


async def test_an_expiry_that_is_past_or_without_a_zone_or_out_of_range_is_refused(client):
    link = await create_link(client)
    for expires_at, type_ in BAD_EXPIRIES.items():
        for answer in (
            await client.post(LINKS, json={"url": URL, "expires_at": expires_at}),
            await client.patch(f"{LINKS}/{link['code']}", json={"expires_at": expires_at}),
        ):
            assert_problem(answer, 422, type_)
            assert answer.json()["errors"][0]["field"] == "/expires_at"


async def test_an_expiry_keeps_its_moment_whatever_its_zone(client):
    link = await create_link(client, expires_at="2099-06-01T12:00:00+02:00")
    assert link["expires_at"] == IsDatetime(
        approx=datetime(2099, 6, 1, 10, tzinfo=UTC), iso_string=True, enforce_tz=False
    )


async def test_a_member_nobody_knows_is_refused(client):
    for member in ("expire_at", "clicks", "disabled", "short_url", "constructor"):
        answer = await client.post(LINKS, json={"url": URL, member: None})
        assert_problem(answer, 422, "invalid-request", errors=[IsPartialDict(field=f"/{member}")])


async def test_each_field_can_be_changed_alone(client):
    link = await create_link(client, URL, title="Before")
    path = f"{LINKS}/{link['code']}"
    expires_at = in_a_day()
    for change in (
        {"url": "https://example.org/new"},
        {"title": "After"},
        {"expires_at": expires_at},
        {"disabled": True},
        {"title": None},
        {"expires_at": None},
        {"disabled": False},
        {},
    ):
        answer = await client.patch(path, json=change)
        assert answer.status_code == 200, answer.text
        link |= change | {"updated_at": IsNow(iso_string=True, tz="UTC", delta=10)}
        if change.get("expires_at"):
            link["expires_at"] = expires_at.replace("+00:00", "Z")
        assert answer.json() == link
        assert (await client.get(path)).json() == link


async def test_an_empty_title_is_no_title(client):
    link = await create_link(client, title=" ")
    assert link["title"] is None
    answer = await client.patch(f"{LINKS}/{link['code']}", json={"title": " "})
    assert answer.json()["title"] is None


async def test_what_cannot_be_changed_or_emptied_is_refused(client):
    link = await create_link(client)
    for member, value in (("url", None), ("disabled", None), ("code", "a b"), ("title", "x" * 301), ("clicks", 0)):
        answer = await client.patch(f"{LINKS}/{link['code']}", json={member: value})
        assert_problem(answer, 422, "invalid-request", errors=[IsPartialDict(field=f"/{member}")])


async def test_changes_of_different_fields_at_the_same_time_are_all_kept(client):
    link = await create_link(client)
    path = f"{LINKS}/{link['code']}"
    changes = [{"url": "https://example.org/"}, {"title": "New"}, {"disabled": True}] * 10
    answers = await asyncio.gather(*(client.patch(path, json=change) for change in changes))
    assert {answer.status_code for answer in answers} == {200}
    assert (await client.get(path)).json() == IsPartialDict(url="https://example.org/", title="New", disabled=True)


async def test_a_deleted_link_is_gone_and_its_code_is_not_handed_out_again(client):
    link = await create_link(client, URL, code="once")
    answer = await client.delete(f"{LINKS}/once")
    assert (answer.status_code, answer.content) == (204, b"")
    for answer in (
        await client.get(f"{LINKS}/once"),
        await client.patch(f"{LINKS}/once", json={"title": "Back"}),
        await client.delete(f"{LINKS}/once"),
        await client.get(f"{LINKS}/once/stats"),
        await client.get(f"{LINKS}/once/clicks"),
    ):
        assert_problem(answer, 404, "link-not-found")
    assert_problem(await client.get("/once"), 410, "link-gone")
    assert_problem(await client.post(LINKS, json={"url": URL, "code": "once"}), 409, "code-taken")
    assert link["code"] not in {item["code"] for item in (await client.get(LINKS)).json()["items"]}


async def test_of_many_deletions_at_the_same_time_one_succeeds(client):
    await create_link(client, code="once")
    answers = await asyncio.gather(*(client.delete(f"{LINKS}/once") for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == {204: 1, 404: 9}


async def test_an_unknown_link_is_not_found_by_any_method(client):
    for method in ("GET", "DELETE", "PATCH"):
        answer = await client.request(method, f"{LINKS}/nowhere", json={} if method == "PATCH" else None)
        assert_problem(answer, 404, "link-not-found", detail="The link nowhere does not exist.")


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("free-1", "free"),
        ("abc", "taken"),
        ("gone", "taken"),
        ("alias", "taken"),
        ("API", "reserved"),
        ("ab", "malformed"),
        ("ä" * 5, "malformed"),
        ("", "malformed"),
    ],
)
async def test_whether_a_link_could_get_a_code_can_be_asked(client, code, state):
    await create_link(client, code="abc")
    await client.post(f"{LINKS}/abc/aliases", json={"code": "alias"})
    await create_link(client, code="gone")
    await client.delete(f"{LINKS}/gone")
    answer = await client.get(f"{LINKS}/exists", params={"code": code})
    assert answer.json() == {"code": code, "domain": None, "state": state}
    if state != "free":
        assert (await client.post(LINKS, json={"url": "https://example.com/", "code": code})).status_code in (409, 422)


async def test_a_change_does_not_overwrite_what_was_changed_meanwhile(client):
    read = await create_link(client, code="abc")
    other = await client.patch(f"{LINKS}/abc", json={"title": "Theirs", "updated_at": read["updated_at"]})
    assert other.status_code == 200
    late = await client.patch(f"{LINKS}/abc", json={"title": "Mine", "updated_at": read["updated_at"]})
    assert_problem(late, 409, "changed-meanwhile")
    long_ago = {"If-Unmodified-Since": "Thu, 26 Nov 2020 09:30:00 GMT"}
    assert_problem(
        await client.patch(f"{LINKS}/abc", json={"title": "Mine"}, headers=long_ago), 409, "changed-meanwhile"
    )
    assert (await client.get(f"{LINKS}/abc")).json()["title"] == "Theirs"
    later = {"If-Unmodified-Since": "Thu, 26 Nov 2998 09:30:00 GMT"}
    assert (await client.patch(f"{LINKS}/abc", json={"title": "Mine"}, headers=later)).json()["title"] == "Mine"
    wrong = await client.patch(f"{LINKS}/abc", json={"title": "x"}, headers={"If-Unmodified-Since": "yesterday"})
    assert_problem(wrong, 422, "invalid-request")
