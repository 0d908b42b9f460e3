"""Promises of pages that hold for all of them: states, sessions, their policy, and what templates may not have."""

import asyncio
import re
from pathlib import Path

import asyncpg
from hypothesis import given
from hypothesis import strategies as st

from shortener.dashboard.routes import CSP
from shortener.dashboard.search import read_search, write_search
from tests.accounts.conftest import EMAIL, PASSWORD, register
from tests.conftest import changed, client_of, create_link, eventually, running_app
from tests.dashboard.conftest import OWN, log_in
from tests.dashboard.test_pages import FOLDER, PAGES

BOB = "bob@example.com"
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))


def text_of(template: Path) -> str:
    return template.read_text(encoding="utf-8")


def test_no_template_has_an_inline_style_script_handler_or_an_expression_for_htmx():
    forbidden = r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:|js:|<script(?![^>]*\ssrc=)|hx-trigger=\"[^\"]*\["
    assert [template.name for template in TEMPLATES if re.search(forbidden, text_of(template))] == []


def test_no_template_marks_text_as_safe():
    forbidden = r"\|\s*safe\b|autoescape\s+false|Markup"
    assert [template.name for template in TEMPLATES if re.search(forbidden, text_of(template))] == []


async def test_every_answer_below_the_prefix_has_exactly_this_policy(page):
    await create_link(page, code="abc", tags=["spring"])
    for path in (*PAGES, "/-/login", "/-/nowhere", "/-/links/none", "/-/links?cursor=x", "/-/admin/users"):
        assert (await page.get(path)).headers["content-security-policy"] == CSP, path
    for path in ("/-/links", "/-/links/abc/edit", "/-/links/none/delete", "/-/import"):
        for headers in ({}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await page.post(path, data={"url": "nothing"}, headers=headers)
            assert answer.headers["content-security-policy"] == CSP, path


async def test_without_redis_every_page_works(settings):
    async with (
        running_app(changed(settings, redis_url="redis://127.0.0.1:1/0")) as app,
        client_of(app, headers=OWN | {"Accept": "text/html"}) as page,
    ):
        await create_link(page, code="abc", tags=["spring"])
        for path in PAGES:
            assert (await page.get(path)).status_code == 200, path
        made = await page.post("/-/new", data={"url": "https://example.com/", "code": "made", "is_whole": "1"})
        assert made.status_code == 303
        assert (await page.get("/made")).headers["location"] == "https://example.com/"


async def test_while_the_database_is_away_pages_say_so_with_503_and_redirects_go_on(page, settings):
    await create_link(page, code="abc")
    assert (await page.get("/abc")).status_code == 302
    name = settings.database_url.partition("?")[0].rpartition("/")[2]
    host = settings.database_url.partition("host=")[2]
    admin = await asyncpg.connect(host=host, user="shortener", database="postgres")
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        for path in ("/-/", "/-/links", "/-/links/abc"):
            answer = await page.get(path)
            assert answer.status_code == 503, path
            assert "The database does not answer" in answer.text
        assert (await page.get("/abc")).status_code == 302
    finally:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await admin.close()

    async def is_back() -> bool:
        return (await page.get("/-/links")).status_code == 200

    await eventually(is_back)


async def test_five_tabs_that_wake_up_at_once_stay_logged_in(ada):
    cookie = ada.cookies["__Host-shortener"]
    for _ in range(3):
        answers = await asyncio.gather(
            *(ada.get(path) for path in ("/-/", "/-/links", "/-/keys", "/-/tags", "/-/account"))
        )
        assert [answer.status_code for answer in answers] == [200] * 5
    assert ada.cookies["__Host-shortener"] == cookie


async def test_a_login_form_of_another_site_logs_nobody_in(visitor):
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ):
        answer = await visitor.post(
            "/-/login", data={"email": EMAIL, "password": PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"} | headers
        )
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    assert (await visitor.get("/-/keys")).status_code == 303


async def test_a_role_that_is_taken_away_is_gone_with_the_next_click(ada, server, database):
    workspace = (await ada.post("/-/workspaces", data={"name": "Marketing"})).headers["location"].rpartition("/")[2]
    async with client_of(server, headers=OWN | {"Accept": "text/html"}) as bob:
        await register(bob, BOB)
        await log_in(bob, BOB)
        async with database.driver_connection() as connection:
            await connection.execute(
                "INSERT INTO workspace_members (workspace_id, user_id, id, role) "
                "SELECT $1::text::uuid, id, gen_random_uuid(), 'editor' FROM users WHERE email = $2",
                workspace, BOB,
            )  # fmt: skip
        fields = {"url": "https://example.com/", "workspace": workspace, "is_whole": "1"}
        assert (await bob.post("/-/new", data=fields | {"code": "first"})).status_code == 303
        async with database.driver_connection() as connection:
            await connection.execute("UPDATE workspace_members SET role = 'viewer' WHERE role = 'editor'")
        assert "second" not in (await bob.post("/-/new", data=fields | {"code": "second"})).headers.get("location", "")
        assert (await bob.get("/second")).status_code == 404
        assert (await bob.get("/-/links/first")).status_code == 200
        async with database.driver_connection() as connection:
            await connection.execute("DELETE FROM workspace_members WHERE role = 'viewer'")
        assert (await bob.get("/-/links/first")).status_code == 404


TERMS = st.one_of(
    st.sampled_from(["is:disabled", "has:rules", "-tag:b", "host:a.example", "clicks:>=10", "created:2026-03"]),
    st.builds("tag:{}".format, st.from_regex(r"[a-zü]{1,8}( [a-zü]{1,8})?", fullmatch=True)),
    st.from_regex(r"[a-zßäé0-9%._-]{1,12}( [a-zßäé0-9]{1,6})?", fullmatch=True),
)


@given(st.lists(TERMS, max_size=6))
def test_a_search_typed_and_a_search_by_form_are_the_same(terms):
    """A form gives its terms one by one, and the line has them in one text."""
    line = write_search(terms)
    assert read_search(line).asked == read_search("  ".join(write_search([term]) for term in terms)).asked
    for chip in read_search(line).chips:
        rest = list(terms)
        rest.remove(chip.text)
        assert read_search(chip.rest).asked == read_search(write_search(rest)).asked
