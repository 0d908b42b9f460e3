"""Links with a password: nobody learns the destination without it, and nobody can guess it quickly."""

import asyncio
import re

import httpx
import pytest

from shortener.hashing.parts import HASHES
from tests.conftest import changed, client_of, create_link, running_app
from tests.links.test_api import LINKS, assert_problem
from tests.own_valkey import own_valkey
from tests.redirect.test_cache import two_apps
from tests.serving import PATIENCE_S, serving

URL = "https://example.com/secret-place"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


async def enter(client, password: str, path: str = "/abc", **headers: str):
    return await client.post(path, data={"password": password}, headers=BROWSER | headers)


@pytest.fixture
async def locked(client):
    await create_link(client, URL, code="abc", password="open sesame")
    return client


async def test_people_get_a_form_that_works_without_a_script_and_programs_a_problem(locked):
    page = await locked.get("/abc", headers=BROWSER)
    assert (page.status_code, page.headers["cache-control"]) == (200, "private, no-store")
    assert '<form method="post">' in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    answer = await locked.get("/abc")
    assert_problem(answer, 401, "link-locked")
    assert "www-authenticate" in answer.headers


async def test_the_right_password_opens_that_link_for_an_hour(locked):
    await create_link(locked, URL, code="other", password="open sesame")
    answer = await enter(locked, "open sesame", "/abc?q=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/abc?q=1")
    assert answer.headers["cache-control"] == "private, no-store"
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(
        r"unlocked-[0-9a-f]+=[0-9]+\.[0-9a-f]{32}; Path=/abc; Max-Age=3600; HttpOnly; SameSite=Lax; Secure", cookie
    )
    pair = {"Cookie": cookie.partition(";")[0]}
    assert (await locked.get("/abc", headers=pair)).headers["location"] == URL
    assert (await locked.get("/other", headers=pair)).status_code == 401
    for forged in (pair["Cookie"][:-1] + "x", re.sub("=[0-9]+", "=9999999999", pair["Cookie"])):
        assert (await locked.get("/abc", headers={"Cookie": forged})).status_code == 401


async def test_the_destination_is_nowhere_before_the_password(locked):
    for path in ("/abc", "/abc+", "/abc?x", "/abc."):
        for headers in (BROWSER, {}, {"User-Agent": "facebookexternalhit/1.1"}):
            for answer in (await locked.get(path, headers=headers), await locked.head(path, headers=headers)):
                assert "secret-place" not in answer.text + str(answer.headers), path
    answer = await enter(locked, "wrong")
    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers
    assert "secret-place" not in answer.text
    assert "The password is wrong." in answer.text


async def test_a_changed_password_ends_the_cookies_and_a_removed_one_opens_the_link(locked):
    cookie = (await enter(locked, "open sesame")).headers["set-cookie"].partition(";")[0]
    await locked.patch(f"{LINKS}/abc", json={"password": "another one"})
    assert (await locked.get("/abc", headers={"Cookie": cookie})).status_code == 401
    await locked.patch(f"{LINKS}/abc", json={"password": None})
    assert (await locked.get("/abc")).headers["location"] == URL


async def test_the_password_is_never_given_back(locked):
    link = (await locked.get(f"{LINKS}/abc")).text
    assert '"has_password":true' in link
    assert "sesame" not in link
    assert "argon2" not in link


async def test_after_five_wrong_tries_even_the_right_one_waits_but_not_who_has_the_cookie(settings):
    limited = changed(settings, limit_password="5/minute")
    async with running_app(limited) as app, client_of(app) as client, client_of(app, "198.51.100.9") as other:
        await create_link(client, URL, code="abc", password="open sesame")
        cookie = (await enter(client, "open sesame")).headers["set-cookie"].partition(";")[0]
        statuses = [(await enter(client, f"wrong {n}")).status_code for n in range(6)]
        assert statuses == [401] * 5 + [429]
        refused = await enter(client, "open sesame")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) <= 60
        assert (await client.get("/abc", headers={"Cookie": cookie})).headers["location"] == URL
        assert (await enter(other, "open sesame")).status_code == 303


async def test_a_try_that_nobody_looked_at_is_not_counted(settings, monkeypatch):
    limited = changed(settings, limit_password="5/minute")
    async with running_app(limited) as app, client_of(app) as client:
        await create_link(client, URL, code="abc", password="open sesame")
        with monkeypatch.context() as busy:
            busy.setattr(app.state.parts[HASHES]._threads, "_max_waiting", 0)
            assert [(await enter(client, "open sesame")).status_code for _ in range(9)] == [503] * 9
        assert (await enter(client, "open sesame")).status_code == 303


async def test_many_tries_at_once_are_no_more_than_the_limit(settings):
    limited = changed(settings, limit_password="5/minute")
    async with running_app(limited) as app, client_of(app) as client:
        await create_link(client, URL, code="abc", password="open sesame")
        answers = await asyncio.gather(*(enter(client, f"wrong {n}") for n in range(40)))
        assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 35


async def test_all_clients_together_have_thirty_wrong_tries_per_link(settings):
    limited = changed(settings, limit_password="5/minute")
    async with running_app(limited) as app, client_of(app) as client:
        await create_link(client, URL, code="abc", password="open sesame")
        statuses = []
        for n in range(31):
            async with client_of(app, f"198.51.100.{n}") as guesser:
                statuses.append((await enter(guesser, f"wrong {n}")).status_code)
        assert statuses == [401] * 30 + [429]


async def test_the_limits_hold_with_redis_away(settings):
    away = changed(settings, redis_url="redis://127.0.0.1:1/0", limit_password="5/minute")
    async with running_app(away) as app, client_of(app) as client:
        await create_link(client, URL, code="abc", password="open sesame")
        assert [(await enter(client, "wrong")).status_code for _ in range(6)] == [401] * 5 + [429]


async def test_two_processes_share_the_limits_through_redis(settings):
    async with own_valkey() as valkey:
        shared = changed(settings, redis_url=valkey.url, limit_password="5/minute")
        async with two_apps(shared) as (_, _, client, other):
            await create_link(client, URL, code="abc", password="open sesame")
            statuses = []
            for n in range(8):
                statuses.append((await enter((client, other)[n % 2], "wrong")).status_code)
                # A round trip to Redis tells a process of the tries of the other.
                await asyncio.sleep(0.05)
        assert statuses[:5] == [401] * 5
        assert statuses[-1] == 429


async def test_what_is_not_a_password_form_is_told_so_and_a_link_without_one_takes_no_post(locked):
    assert_problem(await locked.post("/abc", json={"password": "open sesame"}), 400, "bad-request")
    assert_problem(await locked.post("/abc", content=b"password=" + b"x" * 5000), 400, "bad-request")
    await create_link(locked, URL, code="plain")
    assert_problem(await enter(locked, "x", "/plain"), 405, "method-not-allowed")
    assert_problem(await enter(locked, "x", "/nowhere"), 405, "method-not-allowed")


@pytest.mark.parametrize("with_scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_a_person_enters_the_password_in_a_browser_and_arrives(settings, browser, destination, with_scripts):
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
            await create_link(client, f"{destination}/secret-place", code="abc", password="open sesame")
        context = await browser.new_context(java_script_enabled=with_scripts)
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        await page.goto(f"{url}/abc")
        await page.get_by_label("Password").fill("wrong")
        await page.get_by_role("button", name="Open").click()
        assert await page.get_by_role("alert").inner_text() == "The password is wrong."
        assert page.url == f"{url}/abc"
        await page.get_by_label("Password").fill("open sesame")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{destination}/secret-place")
        assert await page.title() == "Arrived"
        # For an hour the browser is let through.
        again = await context.new_page()
        await again.goto(f"{url}/abc")
        assert again.url == f"{destination}/secret-place"
        assert [text for text in complaints if "401" not in text] == []
