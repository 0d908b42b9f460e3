"""What pages show and do, without a browser."""

import hashlib
import re
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from shortener.dashboard.parts import DASHBOARD
from tests.conftest import changed, client_of, create_link, running_app

FOLDER = Path(str(files("shortener.dashboard")))
PAGES = (
    "/-/", "/-/links", "/-/new", "/-/help", "/-/preferences", "/-/links/abc", "/-/links/abc/edit", "/-/links/abc/qr",
    "/-/links/abc/clicks", "/-/links/abc/values/countries", "/-/links/abc/values/referrers", "/-/import", "/-/tags",
    "/-/tags/spring", "/-/tags/spring/edit", "/-/tags/spring/values/cities", "/-/palette?q=a", "/-/report",
)  # fmt: skip


async def test_the_root_leads_to_a_field_for_a_long_url(page):
    answer = await page.get("/", follow_redirects=True)
    assert answer.url.path == "/-/"
    assert 'name="url"' in answer.text
    assert "autofocus" in answer.text


async def test_home_can_lead_elsewhere_or_nowhere(settings):
    for home, status in (("https://example.com/", 302), ("none", 404)):
        async with running_app(changed(settings, home=home)) as app, client_of(app) as client:
            answer = await client.get("/")
            assert (answer.status_code, answer.headers.get("location")) == (status, home if status == 302 else None)


async def test_the_dashboard_switched_off_leaves_404_and_loads_nothing(settings):
    async with running_app(changed(settings, dashboard=False)) as app, client_of(app) as client:
        for path in ("/", "/-/", "/-/login"):
            assert (await client.get(path)).status_code == 404
        assert app.state.parts.get(DASHBOARD) is None


async def test_a_form_without_a_script_makes_a_link_and_shows_it(page):
    answer = await page.post("/-/links", data={"url": "example.com/x", "code": "mine"}, follow_redirects=True)
    assert answer.status_code == 200
    assert 'data-made="https://sho.rt/mine"' in answer.text
    assert (await page.get("/api/v1/links/mine")).json()["url"] == "https://example.com/x"


async def test_what_was_typed_stays_beside_the_reason_why_it_was_refused(page):
    await create_link(page, code="taken")
    answer = await page.post("/-/links", data={"url": "https://example.com/y", "code": "taken"})
    assert answer.status_code == 422
    assert "This code is taken." in answer.text
    assert 'value="https://example.com/y"' in answer.text


async def test_all_options_of_a_form_reach_the_link_and_come_back(page):
    fields = {
        "is_whole": "1", "url": "https://example.com/", "code": "all", "title": "All", "note": "A note",
        "expires_at": "2990-01-01T10:00", "max_clicks": "5", "password": "geheim", "utm_source": "mail",
        "public_stats": "1",
        "redirect_status": "307", "forward_query": "1", "variant_name": ["a", ""], "variant_url": ["a.example/x", ""],
        "variant_weight": ["3", ""], "rule": ["0", "1"], "rule_0_name": "German", "rule_0_url": "https://example.de/",
        "rule_0_if": ["language", ""], "rule_0_value": ["de, at", ""],
    }  # fmt: skip
    answer = await page.post("/-/new", data=fields)
    assert answer.status_code == 303, answer.text
    link = (await page.get("/api/v1/links/all")).json()
    assert (link["max_clicks"], link["has_password"], link["redirect_status"]) == (5, True, 307)
    assert link["public_stats"] is True
    assert link["variants"] == [{"name": "a", "url": "https://a.example/x", "weight": 3}]
    assert link["rules"][0]["if"] == [{"type": "language", "values": ["de", "at"]}]
    shown = (await page.get("/-/links/all/edit")).text
    for value in ("2990-01-01T10:00", "de, at", "https://a.example/x", "mail", "A note"):
        assert value in shown
    assert 'name="public_stats" value="1" checked' in shown
    assert "geheim" not in shown


async def test_a_form_that_is_too_large_is_answered_with_a_page(page):
    answer = await page.post("/-/new", data={"url": "https://example.com/", "note": "x" * 70_000})
    assert (answer.status_code, answer.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert "<nav" in answer.text


async def test_two_people_who_edit_one_link_are_shown_both_versions(page):
    await create_link(page, code="both", title="Old")
    updated_at = re.search(r'name="updated_at" value="([^"]+)"', (await page.get("/-/links/both/edit")).text)[1]
    await page.patch("/api/v1/links/both", json={"title": "Theirs"})
    fields = {"is_whole": "1", "url": "https://example.com/", "title": "Mine", "updated_at": updated_at}
    answer = await page.post("/-/links/both/edit", data=fields)
    assert answer.status_code == 422
    assert "Theirs" in answer.text
    assert 'value="Mine"' in answer.text
    assert (await page.get("/api/v1/links/both")).json()["title"] == "Theirs"


@pytest.mark.parametrize("verb", ["disable", "archive", "delete"])
async def test_what_a_row_does_can_be_undone(page, verb):
    await create_link(page, code="abc")
    before = (await page.get("/api/v1/links/abc")).json()
    answer = await page.post(f"/-/links/abc/{verb}", data={"back": "/-/links?q=abc"}, follow_redirects=True)
    undo = re.search(r'<form method="post" action="([^"]+)"><input type="hidden" name="back"', answer.text)[1]
    await page.post(undo, data={"back": "/-/links"})
    after = (await page.get("/api/v1/links/abc")).json()
    assert after | {"updated_at": 0} == before | {"updated_at": 0}


async def test_many_links_are_deleted_at_once_and_come_back(page):
    for n in range(3):
        await create_link(page, code=f"many{n}")
    codes = [f"many{n}" for n in range(3)]
    answer = await page.post("/-/bulk/delete", data={"code": codes}, follow_redirects=True)
    assert "3 links deleted" in answer.text
    assert 'data-row="many1"' not in answer.text
    named = re.findall(r'<input type="hidden" name="code" value="(\w+)">', answer.text)
    await page.post("/-/bulk/restore", data={"code": named})
    assert (await page.get("/api/v1/links")).json()["total"] == 3


async def test_search_and_filters_are_in_the_address(page):
    await create_link(page, code="one", title="First")
    await create_link(page, code="two", title="Second")
    await page.post("/-/links/two/disable")
    assert 'data-row="one"' not in (await page.get("/-/links", params={"q": "is:disabled"})).text
    answer = await page.get("/-/links", params={"q": "", "add_is": "disabled"})
    assert answer.headers["location"] == "/-/links?q=is%3Adisabled"
    assert "Nothing matches" in (await page.get("/-/links", params={"q": "nowhere"})).text


async def test_htmx_is_given_only_what_it_replaces(page):
    await create_link(page, code="abc")
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#results"}
    answer = await page.get("/-/links", headers=headers)
    assert answer.text.lstrip().startswith('<div id="results"')
    assert "<html" not in answer.text


async def test_every_page_has_the_headers_and_nothing_inline(page):
    await create_link(page, code="abc", tags=["spring"])
    for path in (*PAGES, "/-/login", "/-/nowhere", "/-/links/none"):
        answer = await page.get(path)
        assert answer.status_code in (200, 404), path
        assert "require-trusted-types-for 'script'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "private, no-store"
        assert not re.search(r"<style|\sstyle=|\son\w+=|hx-on|javascript:|<script(?![^>]*\ssrc=)", answer.text), path
        head = await page.head(path)
        assert (head.status_code, head.headers["content-type"]) == (answer.status_code, answer.headers["content-type"])


async def test_what_strangers_write_is_text(page):
    hostile = "\"><script>alert(1)</script>{{7*7}}' onmouseover=alert(2)"
    await create_link(
        page, code="abc", tags=["spring", '"><b>x'], title=hostile, url=f"https://example.com/?{'%22%3E%3Cb%3E'}"
    )
    for path in PAGES:
        text = (await page.get(path)).text
        assert "<script>alert" not in text, path
        assert 'q="&#34;&gt;&lt;script' not in text
        assert "49&#39;" not in text


def test_vendored_files_are_what_their_makers_published():
    vendor = FOLDER / "static" / "vendor"
    sums = dict(re.findall(r"^([0-9a-f]{64})  (.+)$", (vendor / "VENDORED.txt").read_text(), re.MULTILINE))
    found = [path for path in vendor.rglob("*") if path.is_file() and path.name != "VENDORED.txt"]
    assert {hashlib.sha256(path.read_bytes()).hexdigest(): str(path.relative_to(vendor)) for path in found} == sums


def test_german_is_complete():
    methods = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
    options = {"**/templates/**.html": {"trimmed": "true"}}
    keywords = {"_": None, "ngettext": (1, 2), "text": None}
    used = {message for *_, message, _c, _x in extract_from_dir(FOLDER, methods, options, keywords=keywords)}
    with (FOLDER / "locale" / "de.po").open("rb") as file:
        catalogue = read_po(file)
    known = {message.id for message in catalogue if message.id and all((message.string, not message.fuzzy))}
    assert used - known == set()
    assert known - used == set()


async def test_pages_speak_the_language_of_the_browser(page):
    answer = await page.get("/-/", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
    assert '<html lang="de"' in answer.text
    assert "Einen Kurzlink machen" in answer.text
    page.cookies.set("language", "en", path="/-/")
    assert "Make a short link" in (await page.get("/-/", headers={"Accept-Language": "de"})).text
