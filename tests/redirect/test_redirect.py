"""The answer to a short URL."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import time_machine
from fastapi.routing import iter_route_contexts

from shortener.links.codes import RESERVED
from shortener.redirect.parts import REDIRECT
from tests.conftest import changed, client_of, create_link, eventually, running_app
from tests.links.test_api import LINKS, assert_problem

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
URL = "https://example.com/%7Euser/%41?q=%20+a&b=%7C#x"


async def state_of(client, code: str) -> int:
    return (await client.get(f"/{code}")).status_code


async def test_a_redirect_is_a_302_that_nobody_may_keep(client):
    await create_link(client, URL, code="abc")
    answer = await client.get("/abc")
    assert (answer.status_code, answer.content) == (302, b"")
    assert dict(answer.headers) == {
        "location": URL,
        "cache-control": "private, no-store",
        "content-length": "0",
        "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "strict-origin-when-cross-origin",
        "x-robots-tag": "noindex",
        "strict-transport-security": "max-age=31536000",
    }


async def test_head_is_answered_as_get_but_for_the_body(client):
    await create_link(client, URL, code="abc")
    for path in ("/abc", "/nowhere"):
        get, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.headers, head.content) == (get.status_code, get.headers, b"")


async def test_an_unknown_code_is_not_found_and_a_link_that_ended_is_gone(client):
    assert_problem(await client.get("/nowhere"), 404, "link-not-found", detail="The link /nowhere does not exist here.")
    for code, end in (("deleted", None), ("disabled", {"disabled": True})):
        await create_link(client, code=code)
        path = f"{LINKS}/{code}"
        assert (await (client.delete(path) if end is None else client.patch(path, json=end))).is_success
        answer = await client.get(f"/{code}")
        assert_problem(answer, 410, "link-gone")
        assert code in answer.json()["detail"]
        assert answer.headers["cache-control"] == "private, no-store"


async def test_a_link_that_is_enabled_again_or_given_more_time_works_again(client):
    await create_link(client, code="abc")
    for change, status in (({"disabled": True}, 410), ({"disabled": False}, 302)):
        await client.patch(f"{LINKS}/abc", json=change)
        assert await state_of(client, "abc") == status
    with time_machine.travel(datetime.now(UTC) - timedelta(days=1)):
        await client.patch(f"{LINKS}/abc", json={"expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()})
    assert await state_of(client, "abc") == 410
    await client.patch(f"{LINKS}/abc", json={"expires_at": None})
    assert await state_of(client, "abc") == 302


async def test_expiry_is_judged_at_every_hit_also_when_the_link_is_in_memory(app, client):
    moment = datetime.now(UTC) + timedelta(hours=1)
    await create_link(client, code="abc", expires_at=moment.isoformat())

    async def is_in_memory() -> bool:
        assert await state_of(client, "abc") == 302
        return app.state.parts[REDIRECT]._resolver.peek("abc") is not None

    await eventually(is_in_memory)
    with time_machine.travel(moment - timedelta(milliseconds=1), tick=False):
        assert await state_of(client, "abc") == 302
    with time_machine.travel(moment, tick=False):
        assert_problem(await client.get("/abc"), 410, "link-gone", detail="The link has expired.")


async def test_a_link_expires_by_itself(client):
    expires_at = datetime.now(UTC) + timedelta(seconds=2)
    await create_link(client, code="abc", expires_at=expires_at.isoformat())
    assert await state_of(client, "abc") == 302

    async def is_gone() -> bool:
        return await state_of(client, "abc") == 410

    await eventually(is_gone, within_s=4)
    assert timedelta(0) <= datetime.now(UTC) - expires_at < timedelta(seconds=1)


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/problem+json", "text/plain"])
async def test_a_program_gets_a_problem_document(client, accept):
    answer = await client.get("/nowhere", headers={"Accept": accept} if accept else {})
    assert_problem(answer, 404, "link-not-found")
    assert answer.headers["vary"] == "Accept"


async def test_a_person_gets_a_page_that_loads_nothing(client):
    await create_link(client, code="gone")
    await client.delete(f"{LINKS}/gone")
    for path, status, text in (("/nowhere", 404, "No such link"), ("/gone", 410, "This link no longer works")):
        answer = await client.get(path, headers=BROWSER)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert text in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "<script" not in answer.text
        assert not re.search(r"src=|url\(|<link|@import", answer.text)
        assert f'"https://sho.rt/-/report?url=https%3A%2F%2Fsho.rt%2F{path[1:]}"' in answer.text


async def test_a_plus_shows_where_a_link_leads_and_counts_no_click(client, redis, drain):
    await create_link(client, URL, code="abc")
    answer = await client.get("/abc+")
    assert answer.status_code == 200
    assert answer.json() == {"code": "abc", "short_url": "https://sho.rt/abc", "url": URL}
    assert "location" not in answer.headers
    assert (await client.get("/abc%2B")).json() == answer.json()
    page = await client.get("/abc+", headers=BROWSER)
    assert URL in unescape(page.text)
    assert (await client.head("/abc+")).content == b""
    assert await drain() == 0
    await client.get("/abc")
    assert await drain() == 1


async def test_a_plus_finds_only_links_that_work(client):
    await create_link(client, code="gone")
    await client.delete(f"{LINKS}/gone")
    assert_problem(await client.get("/gone+"), 410, "link-gone")
    assert_problem(await client.get("/nowhere+"), 404, "link-not-found")


async def test_the_page_of_a_link_escapes_what_its_url_holds(client):
    url = "https://example.com/?q=\"'><script>alert(1)</script>&copy"
    await create_link(client, url, code="abc")
    page = (await client.get("/abc+", headers=BROWSER)).text
    assert "<script" not in page
    assert 'href="https://example.com/?q=%22&#x27;%3E%3Cscript%3Ealert(1)%3C/script%3E&amp;copy"' in page


UNUSUAL_PATHS = [
    "/", "//", "//x", "//abc", "/abc/", "/a/b", "/abc//", "/%2e%2e", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc",
    "/abc%2fdef", "/ab", "/a", f"/{'a' * 65}", f"/{'a' * 64}", f"/{'a' * 60_000}", "/ü", "/%C3%BC", "/%ff%fe", "/%00",
    "/abc%00", "/abc%0a", "/abc%0d%0aset-cookie:a=b", "/abc++", "/+", "/a+b", "/abc%20", "/abc.html", "/favicon.png",
    "/robots.text", "/-_-", "/___", "/abc?url=https://evil.example", "/abc;x", "/%61bc", "/ａｂｃ", "/abc%ED%A0%80",
    "/.well-known/security.txt",
]  # fmt: skip


@pytest.fixture
async def homeless(settings):
    """A client of a service that has no page at `/`."""
    async with running_app(changed(settings, home="none")) as app, client_of(app) as client:
        yield client


async def test_no_path_however_unusual_is_a_server_error(homeless):
    client = homeless
    for accept in ("*/*", "text/html"):
        for path in UNUSUAL_PATHS:
            for method in ("GET", "HEAD"):
                answer = await client.request(method, f"https://sho.rt{path}", headers={"Accept": accept})
                assert (path[:50], answer.status_code) == (path[:50], 404)
                kind = answer.headers["content-type"]
                assert kind == "application/problem+json" or accept == "text/html"


async def test_a_link_is_only_followed_and_every_other_method_is_told_so(homeless, drain):
    client = homeless
    await create_link(client, URL, code="abc")
    for path in ("/abc", "/abc+", "/nowhere"):
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
            answer = await client.request(method, f"https://sho.rt{path}", headers=BROWSER, content=b"x" * 100_000)
            assert_problem(answer, 405, "method-not-allowed")
            assert answer.headers["allow"] == "GET, HEAD"
    for path in ("/", "/ab", "/api", "/a/b"):
        assert_problem(await client.post(path), 404, "not-found")
    assert await drain() == 0


async def test_a_query_or_an_escape_does_not_hide_a_code(client):
    await create_link(client, URL, code="abc")
    for path in ("/abc?utm_source=x", "/%61bc", "/abc?"):
        assert (await client.get(path)).headers["location"] == URL


async def test_two_letters_and_sixty_five_are_no_codes_and_three_and_sixty_four_are(client, database):
    for code in ("abc", "a" * 64):
        await create_link(client, URL, code=code)
        assert (await client.get(f"/{code}")).status_code == 302
    for code in ("ab", "a" * 65):
        assert_problem(await client.get(f"/{code}"), 404, "not-found")


async def test_the_first_part_of_every_route_is_reserved(app):
    paths = {context.path for context in iter_route_contexts(app.routes)}
    assert {"/docs", "/redoc", "/static", "/health/live", "/api/v1/links"} <= paths
    first_parts = {path.split("/")[1] for path in paths}
    # No code has a full stop, or is shorter than three characters.
    files = {"", "-", "openapi.json", "robots.txt", "favicon.ico", "{code}", "{code}.qr"}
    assert {part for part in first_parts if part not in RESERVED} == files


async def test_a_reserved_path_is_never_taken_for_a_link(client, database):
    async with database.driver_connection() as connection:
        for word in RESERVED:
            await connection.execute("INSERT INTO links (code, url) VALUES ($1, 'https://example.com/')", word)
    for word in sorted(RESERVED):
        answer = await client.get(f"/{word}")
        assert answer.headers.get("location", "https://sho.rt").startswith("https://sho.rt")
        assert answer.status_code in {200, 307, 404}


async def test_the_public_address_decides_what_short_urls_look_like(settings):
    async with running_app(changed(settings, base_url="https://ex.am:8443/")) as app, client_of(app) as client:
        await create_link(client, code="abc")
        assert (await client.get("/abc+")).json()["short_url"] == "https://ex.am:8443/abc"


async def test_two_hundred_codes_at_once_are_each_answered_with_their_own_url(client):
    links = [await create_link(client, f"https://example.com/{i}") for i in range(50)]
    answers = await asyncio.gather(*(client.get(f"/{link['code']}") for link in links * 4))
    assert [answer.headers["location"] for answer in answers] == [link["url"] for link in links * 4]


LEFT_ON = [
    "/{}.", "/{},", "/{})", "/{}).", "/{}/", "//{}", "/{}!", "/{}?!", "/{}%22", "/{}%3E",
    "/{};", "/{}:", "/{}]", "/{}%7D",
    "/{}%20", "/{}%0A", "/{}%C2%A0", "/{}%E2%80%8B", "/{}%EF%BB%BF", "/{}%E2%80%9D.", "/{}%C2%BB",
    "/%E2%80%9E{}%E2%80%9C",
    "/({})", "/%3C{}%3E", "/{}%E3%80%82", "/{}%EF%BC%8C", "/{}*", "/**{}**", "/{}%60", "/{}~", "/{}_", "/{}__", "/{}-",
    "/{}%E2%80%A6", "/{}...", "/{}'", "/{}|", "/{}%5C", "/{}./", "/%20{}", "/{}.?utm_source=x",
]  # fmt: skip


async def test_what_programs_leave_around_a_link_does_not_break_it(client, drain):
    await create_link(client, URL, code="abc")
    for form in LEFT_ON:
        answer = await client.get(f"https://sho.rt{form.format('abc')}")
        assert (form, answer.headers.get("location")) == (form, URL)
    assert await drain() == len(LEFT_ON)


async def test_what_is_left_around_a_preview_does_not_break_it(client):
    await create_link(client, URL, code="abc")
    for path in ("/abc+.", "/(abc+)", "/abc+/"):
        assert (await client.get(path)).json()["code"] == "abc"


async def test_a_code_that_ends_in_a_mark_is_itself_where_it_exists(client):
    await create_link(client, "https://example.com/plain", code="abc")
    await create_link(client, "https://example.com/marked", code="abc_")
    for path, url in (("/abc", "plain"), ("/abc_", "marked"), ("/abc__", "plain"), ("/abc-", "plain")):
        assert (await client.get(path)).headers["location"] == f"https://example.com/{url}"
    assert_problem(await client.get("/abd_"), 404, "link-not-found", detail="The link /abd does not exist here.")


async def test_what_is_no_code_around_a_code_is_not_taken_off(client):
    await create_link(client, URL, code="abc")
    for path in ("/abc.html", "/abc/d", "/a/abc", "/abc++", "/abc+d", "/abc@", "/$abc", "/abc%00", "/.abc"):
        assert (await client.get(f"https://sho.rt{path}")).status_code == 404


async def test_people_get_a_page_wherever_nothing_is_and_programs_a_document(homeless):
    client = homeless
    for path in ("/ab", "/", "/abc.html", "/a/b", "/docs/x", "/nowhere."):
        answer = await client.get(path, headers=BROWSER)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "<h1>" in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src")
        assert answer.headers["vary"] == "Accept"
        assert (await client.get(path)).headers["content-type"] == "application/problem+json"
    assert_problem(await client.get("/api/v1/nothing", headers=BROWSER), 404, "not-found")


async def test_pictures_that_do_not_exist_lock_nobody_out_of_links(settings):
    """A page with sixty of them uses up a share of its visitor's misses, and is then refused."""
    picture = {"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"}
    async with running_app(changed(settings, limit_miss="60/minute")) as app, client_of(app) as client:
        await create_link(client, URL, code="abc")
        answers = [await client.get(f"/missing{n}", headers=picture) for n in range(100)]
        assert [answer.status_code for answer in answers] == [404] * 10 + [429] * 90
        assert answers[-1].headers["ratelimit-policy"] == '"embedded-miss";q=10;w=60'
        assert (await client.get("/abc", headers=picture)).status_code == 429
        for headers in ({}, BROWSER, BROWSER | {"Sec-Fetch-Dest": "document"}):
            assert (await client.get("/abc", headers=headers)).status_code == 302
            assert (await client.get("/missing", headers=headers)).status_code == 404


@pytest.mark.parametrize("destinations", [("image",), (None, "image"), ("image", "script", "document"), (None,)])
async def test_no_mix_of_requests_tries_more_codes_than_the_limit_of_misses(settings, destinations):
    async with running_app(changed(settings, limit_miss="60/minute")) as app, client_of(app) as client:
        tried = 0
        for n in range(70):
            for destination in destinations:
                headers = {"Sec-Fetch-Dest": destination} if destination else {}
                tried += (await client.get(f"/missing{n}", headers=headers)).status_code == 404
        assert tried == (10 if destinations == ("image",) else 60)


async def test_a_link_of_an_earlier_version_leads_where_every_client_can_follow(client, database):
    await create_link(client, code="old")
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE links SET url = 'https://example.com/a|b?c=[d]&e=%7C%' WHERE code = 'old'")
    assert (await client.get("/old")).headers["location"] == "https://example.com/a%7Cb?c=%5Bd%5D&e=%7C%25"
