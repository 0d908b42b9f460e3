"""Logins of browsers, and requests that other sites send."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortener.dashboard.session import next_path
from tests.accounts.conftest import EMAIL, PASSWORD
from tests.conftest import client_of
from tests.dashboard.conftest import OWN, log_in
from tests.links.test_api import assert_problem


async def test_whoever_is_not_logged_in_is_led_to_the_door_and_back(visitor):
    answer = await visitor.get("/-/links?q=abc")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/-/login?next=%2F-%2Flinks%3Fq%3Dabc"
    assert (await log_in(visitor, next="/-/links?q=abc")).headers["location"] == "/-/links?q=abc"
    assert (await visitor.get("/-/links")).status_code == 200


async def test_a_wrong_password_gets_the_same_sentence_as_an_unknown_address(visitor):
    for email, password in ((EMAIL, "something else"), ("nobody@example.com", PASSWORD)):
        answer = await log_in(visitor, email, password)
        assert answer.status_code == 422
        assert "Email or password is wrong." in answer.text
        assert password not in answer.text


async def test_the_cookie_is_host_bound_http_only_and_same_site(visitor):
    cookie = (await log_in(visitor)).headers["set-cookie"]
    assert cookie.startswith("__Host-shortener=shrs_")
    for part in ("HttpOnly", "Secure", "Path=/", "SameSite=lax"):
        assert part in cookie


async def test_a_login_gives_a_new_secret_each_time(visitor):
    secrets = {(await log_in(visitor)).cookies["__Host-shortener"] for _ in range(2)}
    assert len(secrets) == 2


async def test_the_session_cookie_is_worth_nothing_to_the_api_and_a_token_nothing_as_a_cookie(visitor, server):
    secret = (await log_in(visitor)).cookies["__Host-shortener"]
    token = await visitor.post("/api/v1/auth/token", data={"username": EMAIL, "password": PASSWORD})
    async with client_of(server) as other:
        # Once the secret is in the memory of the process, too.
        for headers in ({"Authorization": f"Bearer {secret}"}, {"X-API-Key": secret}):
            assert_problem(await other.get("/api/v1/me", headers=headers), 401, "invalid-credential")
        assert_problem(
            await other.get("/api/v1/me", headers={"Cookie": f"__Host-shortener={secret}"}),
            401,
            "authentication-required",
        )
        cookie = {"Cookie": f"__Host-shortener={token.json()['access_token']}"}
        assert (await other.get("/-/links", headers=cookie)).status_code == 303


async def test_a_form_of_ours_over_plain_http_is_known_by_its_origin(app):
    async with client_of(app) as client:
        answer = await client.post(
            "/-/links", data={"url": "https://example.com/"}, headers={"Origin": "https://sho.rt"}
        )
        assert answer.status_code == 303


async def test_a_viewer_is_offered_nothing_that_writes(ada, server, database):
    async with database.driver_connection() as connection:
        await connection.execute("UPDATE workspace_members SET role = 'viewer'")
    page = (await ada.get("/-/")).text
    assert 'name="url"' not in page
    assert "Editors and owners can make links" in page
    answer = await ada.post("/-/links", data={"url": "https://example.com/"}, headers=OWN)
    assert "only lets you read" in answer.text


async def test_what_is_somebody_elses_is_answered_byte_for_byte_like_what_does_not_exist(ada, server, database):
    async with database.driver_connection() as connection:
        await connection.execute(
            "INSERT INTO links (code, url, created_at, updated_at) VALUES ('other', 'https://a.example/', now(), now())"
        )
    for path in ("/-/links/{}", "/-/links/{}/edit", "/-/links/{}/qr"):
        theirs, missing = [await ada.get(path.format(code)) for code in ("other", "nosuc")]
        assert theirs.status_code == missing.status_code == 404
        assert theirs.text.replace("other", "nosuc") == missing.text


@pytest.mark.parametrize(
    "text",
    [
        "", "/abc", "//evil.example", "/\\evil", "/-/../abc", "/-/%2e%2e/abc", "https://evil.example/-/", "/-/login",
        "/-//x", "/-/\tlinks", "/-/logout", "/-/links\n", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_after_login_one_is_led_only_to_pages_of_the_dashboard(text):
    assert next_path(text) == "/-/"


@given(st.text(alphabet="/-.\\%2eabc:?#@ \t", max_size=20))
def test_no_text_leads_out_of_the_dashboard(text):
    for prefix in ("", "/-/", "/-/../"):
        path = next_path(prefix + text)
        assert path.startswith("/-/")
        assert not {".", ".."} & set(unquote(urlsplit(path).path).split("/"))
        assert "\\" not in path
