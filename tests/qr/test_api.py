"""QR codes over HTTP: for members, and for everybody."""

import asyncio

import pytest

from shortener.qr import pictures
from shortener.qr.look import MAX_SIZE
from shortener.qr.parts import PICTURES
from tests.conftest import changed, client_of, create_link, eventually, running_app
from tests.links.test_api import LINKS, assert_problem
from tests.qr.reading import read

API, PUBLIC = f"{LINKS}/abc/qr", "/abc.qr"
each_path = pytest.mark.parametrize("path", [API, PUBLIC])


@pytest.fixture
async def link(client):
    return await create_link(client, code="abc")


@each_path
async def test_a_code_holds_the_short_url_with_the_mark_of_its_clicks(client, link, path):
    for format_, media_type in (("svg", "image/svg+xml"), ("png", "image/png")):
        for track, text in (("true", "https://sho.rt/abc?qr"), ("false", "https://sho.rt/abc")):
            answer = await client.get(path, params={"format": format_, "track": track})
            assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
            assert read(answer.content).text == text
            assert (await client.get(text)).headers["location"] == link["url"]


@each_path
async def test_a_picture_is_shown_as_a_file_that_runs_nothing(client, link, path):
    for format_ in ("svg", "png"):
        headers = (await client.get(path, params={"format": format_})).headers
        assert headers["content-disposition"] == f'inline; filename="abc.{format_}"'
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; img-src data:;")
        assert policy.endswith("sandbox")
        assert "script-src" not in policy


async def test_who_may_embed_and_keep_a_picture_depends_on_who_may_see_it(client, link):
    public, own = (await client.get(PUBLIC)).headers, (await client.get(API)).headers
    assert (public["cross-origin-resource-policy"], public["cache-control"]) == ("cross-origin", "no-cache")
    assert (own["cross-origin-resource-policy"], own["cache-control"]) == ("same-origin", "private, no-cache")


@each_path
async def test_a_client_that_has_the_picture_gets_it_again_only_when_it_is_another(client, link, path, monkeypatch):
    first = await client.get(path)
    etag = first.headers["etag"]
    drawn = []
    monkeypatch.setattr(pictures, "picture", lambda *parts: drawn.append(parts) or b"")
    same = await client.get(path, headers={"If-None-Match": etag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert same.headers["content-security-policy"] == first.headers["content-security-policy"]
    assert not drawn
    others = ("format=png", "size=301", "margin=3", "error_correction=L", "color=111111", "track=false")
    for other in others:
        answer = await client.get(f"{path}?{other}", headers={"If-None-Match": etag})
        assert (answer.status_code, answer.headers["etag"] == etag) == (200, False)
    assert len(drawn) == len(others)


WRONG = [
    ("format=gif", "format"),
    ("size=63", "size"),
    (f"size={MAX_SIZE + 1}", "size"),
    ("size=many", "size"),
    ("format=png&size=64&margin=16", "size"),
    ("margin=-1", "margin"),
    ("margin=17", "margin"),
    ("error_correction=X", "error_correction"),
    ("color=red", "color"),
    ("color=%23fffffff", "color"),
    ("color=transparent", "color"),
    ("background=%23fff", "background"),
    ("background=none", "background"),
    ("color=ffff00", "color"),
    ("color=ffffff&background=000000", "color"),
    ("logo=true", "logo"),
    ("logo=maybe", "logo"),
    ("track=2", "track"),
]


@each_path
async def test_a_parameter_that_is_wrong_is_named(client, link, path):
    for query, field in WRONG:
        answer = await client.get(f"{path}?{query}")
        assert_problem(answer, 422, "invalid-request")
        assert [(error["in"], error["field"]) for error in answer.json()["errors"]] == [("query", field)], query


@each_path
async def test_colors_can_be_given_with_and_without_their_sign(client, link, path):
    with_, without = [await client.get(f"{path}?color={sign}000080&background={sign}FFFFE0") for sign in ("%23", "")]
    assert with_.content == without.content
    assert b'fill="#000080"' in with_.content
    assert b'fill="#ffffe0"' in with_.content


async def test_a_code_is_drawn_as_it_was_asked_for_and_an_id_as_the_links_own(client, link):
    await client.post(f"{LINKS}/abc/aliases", json={"code": "alias"})
    paths = {f"{LINKS}/alias/qr": "alias", "/alias.qr": "alias", f"{LINKS}/{link['id']}/qr": "abc"}
    for path, code in paths.items():
        assert read((await client.get(path)).content).text == f"https://sho.rt/{code}?qr"


async def test_a_link_that_is_not_followed_has_no_public_code_and_says_why(client):
    await create_link(client, code="later", starts_at="2999-01-01T00:00:00Z")
    for code in ("deleted", "disabled"):
        await create_link(client, code=code)
    await client.delete(f"{LINKS}/deleted")
    await client.patch(f"{LINKS}/disabled", json={"disabled": True})
    for path in ("/nothing.qr", "/no.code.qr", "/%C3%BC%C3%BC%C3%BC.qr", f"/{'a' * 65}.qr", "/ab.qr"):
        assert_problem(await client.get(path), 404, "link-not-found")
    assert_problem(await client.get("/later.qr"), 404, "link-scheduled")
    for code in ("deleted", "disabled"):
        problem = await client.get(f"/{code}.qr")
        assert_problem(problem, 410, "link-gone")
        assert problem.json()["detail"] == (await client.get(f"/{code}")).json()["detail"]
    # Its owner may print it before it begins.
    assert read((await client.get(f"{LINKS}/later/qr")).content).text == "https://sho.rt/later?qr"


async def test_a_link_with_a_password_has_a_code_that_does_not_tell_where_it_leads(client):
    await create_link(client, "https://secret.example/", code="locked", password="open sesame")
    assert read((await client.get("/locked.qr")).content).text == "https://sho.rt/locked?qr"


async def test_head_is_answered_as_get(client, link):
    for query in ("", "?format=gif"):
        got, asked = await client.get(PUBLIC + query), await client.head(PUBLIC + query)
        assert (asked.status_code, asked.headers["content-type"]) == (got.status_code, got.headers["content-type"])


async def test_public_codes_use_up_the_limits_of_redirects(settings):
    limited = changed(settings, limit_redirect="5/minute", limit_miss="3/minute")
    async with running_app(limited) as app, client_of(app) as client, client_of(app, "203.0.113.9") as other:
        await create_link(client, code="abc")
        statuses = [(await client.get(path)).status_code for path in ["/abc", *[PUBLIC] * 5]]
        assert statuses == [302, 200, 200, 200, 200, 429]
        missing = [await other.get(f"/nothing{n}.qr") for n in range(4)]
        assert [answer.status_code for answer in missing] == [404, 404, 404, 429]
        assert missing[-1].headers["retry-after"]
        # Nothing is learned then, not even which codes exist.
        assert (await other.get(PUBLIC)).status_code == 429


async def test_public_codes_are_no_clicks(client, link, drain):
    for _ in range(3):
        await client.get(PUBLIC)
    assert await drain() == 0


async def test_of_too_many_pictures_at_once_the_last_are_sent_away(app, client, link, monkeypatch):
    threads = app.state.parts[PICTURES]._threads
    monkeypatch.setattr(threads, "_max_waiting", 2)
    async with threads._slots:
        waiting = [asyncio.create_task(client.get(PUBLIC)) for _ in range(2)]
        await eventually(lambda: threads._waiting == 2)
        answer = await client.get(PUBLIC)
        assert_problem(answer, 503, "service-unavailable")
        assert answer.headers["retry-after"]
    assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}
    assert (await client.get(PUBLIC)).status_code == 200
