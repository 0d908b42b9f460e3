"""Single sign-on in the browser: nobody comes in but who has begun there, once, and at this provider."""

import asyncio
import time
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.responses import JSONResponse

from shortener.accounts.oidc import flow
from shortener.clicks.parts import CLICK_STREAM
from shortener.clicks.stream import ClickStream, Sealer
from shortener.stores.parts import DATABASE
from tests.accounts.conftest import EMAIL, ME, refresh, register, two_processes
from tests.accounts.oidc.conftest import CALLBACK, LOGIN, at_provider, begin, me, sign_on
from tests.accounts.oidc.provider import CLIENT_ID, CLIENT_SECRET
from tests.accounts.oidc.test_id_token import signed_by_another_key
from tests.conftest import SECRET, changed, client_of, job_context, running_app
from tests.links.test_api import assert_problem
from workers.retention import delete_expired


async def test_who_logs_in_at_the_provider_gets_the_tokens_of_a_login(browser, database):
    answer = await sign_on(browser)
    assert answer.json().keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert answer.headers["cache-control"] == "private, no-store"
    assert "location" not in answer.headers
    assert (await me(browser, answer))["email"] == EMAIL
    assert (await refresh(browser, answer.json()["refresh_token"])).status_code == 200
    again = await sign_on(browser)
    assert (await me(browser, again))["email"] == EMAIL
    async with database.driver_connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM users") == 1
        assert await connection.fetchval("SELECT count(*) FROM sessions") == 2
        assert await connection.fetchval("SELECT password_hash IS NULL FROM users")


async def test_the_provider_is_asked_for_a_code_with_proof_state_and_nonce(browser, settings, idp):
    one, two = [parse_qs(urlsplit(await begin(browser)).query) for _ in range(2)]
    secret = {"state", "nonce", "code_challenge"}
    assert {name: value for name, (value,) in one.items() if name not in secret} == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": f"{settings.base_url}{CALLBACK}",
        "scope": "openid email",
        "code_challenge_method": "S256",
    }
    for name in secret:
        assert len(one[name][0]) == 43
        assert one[name] != two[name]


@pytest.mark.parametrize(("scheme", "is_by_tls"), [("https", True), ("http", False)])
async def test_the_cookie_of_a_login_is_short_lived_sealed_and_for_this_host_alone(settings, scheme, is_by_tls):
    plain = changed(settings, base_url=f"{scheme}://sho.rt")
    async with running_app(plain) as app, client_of(app) as browser:
        answer = await browser.get(LOGIN)
    (cookie,) = answer.headers.get_list("set-cookie")
    name, *attributes = cookie.split("; ")
    expected = {"HttpOnly", "Max-Age=600", "SameSite=lax"}
    if is_by_tls:
        assert name.startswith("__Host-shortener-oidc=")
        assert set(attributes) == expected | {"Path=/", "Secure"}
    else:
        assert name.startswith("shortener-oidc=")
        assert set(attributes) == expected | {"Path=/api/v1/auth/oidc"}
    sealed = bytes.fromhex(name.partition("=")[2])
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    for secret in (query["state"][0], query["nonce"][0]):
        assert secret.encode() not in sealed
    assert answer.headers["cache-control"] == "private, no-store"


async def test_the_addresses_do_not_come_from_the_host_header(app, settings):
    async with client_of(app, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}) as browser:
        assert "evil" not in await begin(browser)


async def test_an_answer_counts_only_in_the_browser_that_began(app, idp, browser):
    """Also the attack by which somebody else's login is put into a browser."""
    back = await at_provider(await begin(browser))
    async with client_of(app) as other:
        assert_problem(await other.get(back), 400, "invalid-oidc-login")
        await begin(other)
        assert_problem(await other.get(back), 400, "invalid-oidc-login")
    assert "/token" not in idp.asked
    assert (await browser.get(back)).status_code == 200


@pytest.mark.parametrize("state", [None, "", "x", "é", "\0", "\ud800", "a" * 43], ids=repr)
async def test_another_state_is_refused(browser, idp, state):
    await begin(browser)
    params = {"code": "x", "iss": idp.issuer} | (
        {} if state is None else {"state": state.encode(errors="surrogatepass")}
    )
    assert_problem(await browser.get(CALLBACK, params=params), 400, "invalid-oidc-login")
    assert "/token" not in idp.asked


@pytest.mark.parametrize("cookie", ["", "x", "00", "00" * 11, "00" * 28, "é", "00" * 3000], ids=lambda text: text[:30])
async def test_a_cookie_that_is_not_ours_is_refused(browser, cookie):
    back = await at_provider(await begin(browser))
    browser.cookies.clear()
    answer = await browser.get(back, headers={"Cookie": f"__Host-shortener-oidc={cookie}".encode()})
    assert_problem(answer, 400, "invalid-oidc-login")


async def test_a_cookie_of_other_settings_opens_nothing(settings, idp):
    sealer = flow.FlowSealer("s" * 32, idp.issuer, CLIENT_ID)
    begun, cookie = sealer.begin()
    assert sealer.unseal(cookie, begun.state) == begun
    for other in (
        ("x" * 32, idp.issuer, CLIENT_ID),
        ("s" * 32, "https://x.example", CLIENT_ID),
        ("s" * 32, idp.issuer, "x"),
    ):
        assert flow.FlowSealer(*other).unseal(cookie, begun.state) is None
    changed_box = bytearray(bytes.fromhex(cookie))
    changed_box[20] ^= 1
    assert sealer.unseal(changed_box.hex(), begun.state) is None


async def test_a_login_has_ten_minutes(browser, monkeypatch):
    back = await at_provider(await begin(browser))
    now_s = time.time()
    monkeypatch.setattr(flow.time, "time", lambda: now_s + flow.LIFETIME_S + 1)
    assert_problem(await browser.get(back), 400, "invalid-oidc-login")


async def test_a_login_ends_once_also_in_a_race_and_in_two_processes(settings, idp):
    async with two_processes(settings) as two:
        back = await at_provider(await begin(two.one))
        two.other.cookies = two.one.cookies
        answers = await asyncio.gather(*(browser.get(back) for browser in (two.one, two.other) * 5))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 9}
        assert_problem(await two.one.get(back), 400, "invalid-oidc-login")
    assert idp.asked.count("/token") == 1


async def test_a_code_works_once_and_only_with_the_proof_of_its_own_login(browser, idp):
    """A code that was stolen, put into a login of the thief's own."""
    stolen = parse_qs(urlsplit(await at_provider(await begin(browser))).query)["code"][0]
    own = parse_qs(urlsplit(await begin(browser)).query)["state"][0]
    answer = await browser.get(CALLBACK, params={"code": stolen, "state": own, "iss": idp.issuer})
    assert_problem(answer, 403, "oidc-login-refused")
    assert (await sign_on(browser)).status_code == 200


async def test_what_another_provider_answers_is_refused(browser, idp):
    """Mix-up: an answer that does not say, or says otherwise, whose it is."""
    for issuer in (None, "https://evil.example", f"{idp.issuer}/"):
        idp.answer_with_issuer = issuer
        assert_problem(await sign_on(browser), 400, "invalid-oidc-login")
    assert "/token" not in idp.asked


async def test_a_provider_that_does_not_name_itself_in_answers_need_not(browser, idp):
    idp.metadata = {"authorization_response_iss_parameter_supported": False}
    idp.answer_with_issuer = None
    assert (await sign_on(browser)).status_code == 200
    idp.answer_with_issuer = "https://evil.example"
    assert_problem(await sign_on(browser), 400, "invalid-oidc-login")


async def test_a_login_that_the_provider_refuses_is_refused_in_words_of_ours(browser, idp):
    for error, told in (("access_denied", True), ("<script>", False), ("x\r\ny", False), ("a" * 500, False)):
        idp.authorization_error = error
        answer = await sign_on(browser)
        assert_problem(answer, 403, "oidc-login-refused")
        assert (error in answer.json()["detail"]) == told
    assert_problem(await browser.get(f"{CALLBACK}?error={'x' * 5000}"), 422, "invalid-request")


async def test_a_login_takes_over_no_session_and_no_token_that_was_there_before(browser, database):
    """Session fixation: whatever a browser brings along, its login has an id and tokens of its own."""
    eve = await register(browser, "eve@example.com")
    browser.cookies.set("session", "chosen")
    back = await at_provider(await begin(browser))
    answer = await browser.get(back, headers=eve.headers)
    assert (await me(browser, answer))["email"] == EMAIL
    cookies = answer.headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["__Host-shortener-oidc"]
    assert "Max-Age=0" in cookies[0]
    async with database.driver_connection() as connection:
        sessions = await connection.fetch("SELECT DISTINCT id, user_id FROM sessions")
    assert len(sessions) == len({row["user_id"] for row in sessions}) == 2
    assert (await browser.get(ME, headers=eve.headers)).json()["email"] == "eve@example.com"


async def test_that_a_login_came_back_is_forgotten_once_it_cannot_come_again(browser, settings, database, redis):
    assert (await sign_on(browser)).status_code == 200
    stream = ClickStream(redis, Sealer(SECRET))
    await stream.ensure_group()
    async with database.driver_connection() as connection:
        for left in (1, 0):
            await delete_expired(job_context(settings, {DATABASE: database, CLICK_STREAM: stream}))
            assert await connection.fetchval("SELECT count(*) FROM oidc_used_states") == left
            await connection.execute("UPDATE oidc_used_states SET expires_at = now() - interval '1 second'")


async def test_logins_are_limited_per_client_and_per_account(settings):
    async with running_app(changed(settings, limit_login="4/minute")) as app:
        async with client_of(app) as browser:
            assert [(await browser.get(LOGIN)).status_code for _ in range(5)] == [302] * 4 + [429]
        statuses = []
        for n in range(5):
            async with client_of(app, f"198.51.100.{n}") as browser:
                statuses.append((await sign_on(browser)).status_code)
        assert statuses == [200] * 4 + [429]


async def test_what_is_secret_in_a_login_is_not_in_the_log(settings, idp, capfd):
    async with running_app(changed(settings, log_level="debug", access_log=True)) as app, client_of(app) as browser:
        url = await begin(browser)
        back = await at_provider(url)
        await browser.get(back)
        idp.sign = signed_by_another_key
        await sign_on(browser)
        idp.answers = {"/token": lambda: JSONResponse({"error": "x\nforged line"}, 400)}
        await sign_on(browser)
    lines = "".join(capfd.readouterr()).splitlines()
    logged = "\n".join(line for line in lines if '"httpx"' not in line and '"httpcore' not in line)
    assert '"oidc_provider"' in logged
    query = parse_qs(urlsplit(url).query) | parse_qs(urlsplit(back).query)
    for secret in (*query["state"], *query["nonce"], *query["code"], idp.access_token, CLIENT_SECRET, EMAIL, "forged"):
        assert secret not in logged
